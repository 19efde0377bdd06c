/** How long after its due time a message's handler begins, at steady rates and random delays. */
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
  timersAlone,
} from '../contestants';
import type { Lab } from '../lab';
import { startParties, together, USUAL } from '../parties';
import type { Comparison } from '../report/goals';
import { ascending, percentile } from '../statistics';
import { type Collection, createCollection, type Turn, takeTurns } from '../turns';

interface Sizes {
  /** Messages a second. */
  readonly rates: readonly number[];
  /** For how long messages are sent. */
  readonly seconds: number;
  readonly mostDelayMs: number;
}

/** Twice as long as the longest delay, so that for half of the time as many come due as are sent. */
const FULL: Sizes = { rates: [200, 1_000, 3_000], seconds: 40, mostDelayMs: 20_000 };
const SHORT: Sizes = { rates: [200], seconds: 5, mostDelayMs: 2_000 };
const WARM_UP = { seconds: 3, mostDelayMs: 1_000 };

const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);
const caseOf = (rate: number) => `${rate.toLocaleString('en')}/s`;

export const lateness: Bench = {
  name: 'lateness',
  about: "From due time to the handler's first line, with random delays at a steady rate.",
  inShort: true,
  peer: true,
  settings: (run) => ({ ...sizesOf(run), ...USUAL, payloadBytes: 200 }),
  async run(lab, run) {
    const { rates, ...rest } = sizesOf(run);
    const collection = createCollection();
    const contestants = run.short ? shortContestants(run) : fullContestants(run);
    for (const rate of rates) {
      await takeTurns(
        { contestants, rounds: run.rounds, asked: caseOf(rate), collection, say: lab.say },
        (contestant, round) => measure(lab, contestant, rate, rest, round),
      );
    }
    return {
      series: collection.series(),
      comparisons: rates.flatMap((rate) => comparisonsOf(collection, rate, run)),
      axis: 'ms from due time to the first line of the handler',
    };
  },
};

function fullContestants(run: RunSettings): Contestant[] {
  return [oursOn(OURS, true), oursOn(OURS_WITHOUT_LEDGER, false), ...peers(run), bareAmqplib, timersAlone];
}

const shortContestants = (run: RunSettings) => [oursOn(OURS, true), ...peers(run, ['everysec'])];

async function measure(
  lab: Lab,
  contestant: Contestant,
  rate: number,
  { seconds, mostDelayMs }: Omit<Sizes, 'rates'>,
  round: number,
): Promise<Turn> {
  const place = await contestant.place(lab);
  const parties = await startParties(lab, place, USUAL);
  const send = async (forSeconds: number, mostMs: number) => {
    const sent = await parties.pace({ rate, seconds: forSeconds, due: { leastMs: 0, mostMs, seed: round } });
    if (sent.refused > 0) lab.say(`${contestant.name}: ${sent.refused} refused: ${sent.why}`);
    await parties.untilHandled(sent.accepted, Date.now() + mostMs);
    return sent;
  };
  await send(WARM_UP.seconds, WARM_UP.mostDelayMs);
  await parties.reset();
  const sent = await send(seconds, mostDelayMs);
  const taken = await parties.taken();
  await parties.close();
  await place.remove();
  const { latenessMs, early, handled } = together(taken);
  const sorted = ascending(latenessMs);
  const figures = {
    'p50 ms': percentile(sorted, 50),
    'p90 ms': percentile(sorted, 90),
    'p99 ms': percentile(sorted, 99),
    'max ms': percentile(sorted, 100),
    early,
    refused: sent.refused,
    'sent/s': sent.accepted / (sent.tookMs / 1_000),
    handled,
    'clock drift ms': Math.max(...taken.map(({ driftMs }) => Math.abs(driftMs))),
  };
  return { figures, samples: latenessMs };
}

function comparisonsOf(collection: Collection, rate: number, { short, peer }: RunSettings): Comparison[] {
  const asked = caseOf(rate);
  const at = (name: string, figure: string) => collection.median(name, asked, figure);
  const beside = (fsync: 'everysec' | 'always', figure: string) =>
    peer ? { peer: { name: bullMqName(fsync), value: at(bullMqName(fsync), figure) } } : {};
  const ours = (figure: string) => ({ unit: 'ms', ours: at(OURS, `${figure} ms`) });
  const early: Comparison = {
    name: `early, ${asked}`,
    unit: '',
    ours: at(OURS, 'early'),
    ...beside('everysec', 'early'),
    goal: { of: 'ours', is: 'at most', bound: 0 },
  };
  if (short) {
    const p50 = { name: `p50, ${asked}`, ...ours('p50'), ...beside('everysec', 'p50 ms') };
    return [early, { ...p50, goal: { of: 'ratio', is: 'at most', bound: 3 } }];
  }
  const floor = { peer: { name: BARE, value: at(BARE, 'p50 ms') } };
  return [
    early,
    { name: `p50, ${asked}`, ...ours('p50'), ...floor, goal: { of: 'ours', is: 'at most', bound: 1 } },
    { name: `p90, ${asked}`, ...ours('p90'), goal: { of: 'ours', is: 'at most', bound: 2.5 } },
    ...(['everysec', 'always'] as const).flatMap((fsync): Comparison[] => [
      {
        ...{ name: `p90, ${asked}`, ...ours('p90'), ...beside(fsync, 'p90 ms') },
        goal: { of: 'ratio', is: 'at most', bound: 0.1 },
      },
      {
        ...{ name: `p99, ${asked}`, ...ours('p99'), ...beside(fsync, 'p99 ms') },
        goal: { of: 'ratio', is: 'at most', bound: 0.5 },
      },
    ]),
  ];
}
