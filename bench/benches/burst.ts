/** Very many messages due at one instant: how long until the last of them is handled. */
import type { Bench, RunSettings } from '../bench';
import {
  BARE,
  bareAmqplib,
  bullMqName,
  type Contestant,
  OURS,
  OURS_WITHOUT_LEDGER,
  oursOn,
  peers,
} from '../contestants';
import type { Lab } from '../lab';
import { USUAL } from '../parties';
import type { Comparison, Goal } from '../report/goals';
import { createCollection, takeTurns } from '../turns';
import { measureAllDueAtOnce } from './due-at-once';

interface Sizes {
  readonly messages: number;
  /** How long there is to put them in before they are due. */
  readonly leadMs: number;
}

const FULL: Sizes = { messages: 50_000, leadMs: 60_000 };
const SHORT: Sizes = { messages: 2_000, leadMs: 8_000 };
const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);

export const burst: Bench = {
  name: 'burst',
  about: 'Messages that are all due at one instant.',
  inShort: false,
  peer: true,
  settings: (run) => ({ ...sizesOf(run), ...USUAL, payloadBytes: 200 }),
  async run(lab, run) {
    const collection = createCollection();
    const contestants = [oursOn(OURS, true), oursOn(OURS_WITHOUT_LEDGER, false), bareAmqplib, ...peers(run)];
    await takeTurns({ contestants, rounds: run.rounds, collection, say: lab.say }, (contestant) =>
      measure(lab, contestant, sizesOf(run)),
    );
    const rate = (name: string) => collection.median(name, '', 'handled/s');
    const beside = (name: string, bound: number): Comparison => ({
      name: 'handled',
      unit: '/s',
      ours: rate(OURS),
      peer: { name, value: rate(name) },
      goal: { of: 'ratio', is: 'at least', bound } satisfies Goal,
    });
    return {
      series: collection.series(),
      comparisons: [
        ...(run.peer ? [beside(bullMqName('everysec'), 1.5), beside(bullMqName('always'), 1.5)] : []),
        beside(BARE, 0.8),
      ],
      axis: 'ms from the instant to the first line of the handler',
    };
  },
};

async function measure(lab: Lab, contestant: Contestant, sizes: Sizes) {
  const place = await contestant.place(lab);
  try {
    return await measureAllDueAtOnce(lab, place, USUAL, sizes);
  } finally {
    await place.remove();
  }
}
