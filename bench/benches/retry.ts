/**
 * What a further attempt costs: messages due at once that fail twice and then succeed, beside three times as many that succeed at
 * once. Both come to as many attempts, and each attempt is put in, confirmed, handled and settled.
 */
import type { Bench, RunSettings } from '../bench';
import { bullMqName, type Contestant, OURS, oursOn, peers } from '../contestants';
import type { Lab } from '../lab';
import { startParties, together, USUAL } from '../parties';
import type { Comparison } from '../report/goals';
import { createCollection, type Turn, takeTurns } from '../turns';

const FAILURES = 2;
const FIRST = 'first attempts only';
const RETRIED = 'two failures each';
const WARM_UP = 1_000;

interface Sizes {
  /** That fail and then succeed. */
  readonly messages: number;
}

const FULL: Sizes = { messages: 10_000 };
const SHORT: Sizes = { messages: 500 };
const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);

export const retry: Bench = {
  name: 'retry',
  about: 'Attempts a second where messages fail twice, and where they do not.',
  inShort: false,
  peer: true,
  settings: (run) => ({ ...sizesOf(run), ...USUAL, failures: FAILURES, retryWaitMs: 0, payloadBytes: 200 }),
  async run(lab, run) {
    const collection = createCollection();
    const contestants = [oursOn(OURS, true), ...peers(run, ['everysec'])];
    const { messages } = sizesOf(run);
    for (let round = 0; round < run.rounds; round++) {
      for (const [asked, failures] of [
        [FIRST, 0],
        [RETRIED, FAILURES],
      ] as const) {
        const count = failures === 0 ? messages * (FAILURES + 1) : messages;
        await takeTurns({ contestants, rounds: 1, asked, collection, say: lab.say }, (contestant) =>
          measure(lab, contestant, count, failures),
        );
      }
    }
    const rate = (name: string, asked: string) => collection.median(name, asked, 'attempts/s');
    const comparison: Comparison = {
      name: 'attempts',
      unit: '/s',
      ours: rate(OURS, RETRIED),
      peer: { name: FIRST, value: rate(OURS, FIRST) },
      goal: { of: 'ratio', is: 'at least', bound: 1 },
    };
    const name = bullMqName('everysec');
    const peer = { name, value: rate(name, RETRIED) };
    const beside: Comparison = { name: 'attempts', unit: '/s', ours: comparison.ours, peer };
    return { series: collection.series(), comparisons: [comparison, ...(run.peer ? [beside] : [])] };
  },
};

async function measure(lab: Lab, contestant: Contestant, count: number, failures: number): Promise<Turn> {
  const place = await contestant.place(lab);
  const parties = await startParties(lab, place, { ...USUAL, failures });
  const fill = async (messages: number) => {
    const due = { leastMs: 0, mostMs: 0, seed: 1 };
    const { refused } = await parties.fill({ count: messages, window: 500, chunk: 50, due });
    await parties.untilHandled(messages);
    return refused;
  };
  await fill(WARM_UP);
  await parties.reset();
  const start = Date.now();
  const refused = await fill(count);
  const { attempts, lastAt, copies } = together(await parties.taken());
  await parties.close();
  await place.remove();
  return { figures: { 'attempts/s': attempts / ((lastAt - start) / 1_000), attempts, copies, refused } };
}
