/**
 * What further consumer processes bring where a handler waits 5 ms, as for an answer: five handlers a process, so that one process
 * is full long before a core is. And what a cluster of three nodes costs, on one machine.
 */
import type { Bench, RunSettings } from '../bench';
import { bullMqName, bullMqOn, type Contestant, OURS, oursOn } from '../contestants';
import { USUAL } from '../parties';
import type { Comparison, Goal } from '../report/goals';
import { createCollection, takeTurns } from '../turns';
import { measureAllDueAtOnce } from './due-at-once';

const PROCESSES = [1, 2, 4];
const SETTINGS = { ...USUAL, handlers: 5, waitMs: 5 };
const OURS_ON_CLUSTER = 'Delay Broker, cluster of 3';

interface Sizes {
  /** For each process. */
  readonly messages: number;
  readonly leadMs: number;
}

const FULL: Sizes = { messages: 10_000, leadMs: 45_000 };
const SHORT: Sizes = { messages: 300, leadMs: 8_000 };
const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);
const caseOf = (processes: number) => `${processes} ${processes === 1 ? 'process' : 'processes'}`;

export const scaleOut: Bench = {
  name: 'scale-out',
  about: 'Handlers that wait 5 ms, in more and more processes.',
  inShort: false,
  peer: true,
  settings: (run) => ({ ...sizesOf(run), ...SETTINGS, processes: PROCESSES }),
  async run(lab, run) {
    const collection = createCollection();
    const contestants: Contestant[] = [
      oursOn(OURS, true),
      oursOn(OURS_ON_CLUSTER, true, (at) => at.cluster()),
      ...(run.peer ? [bullMqOn('everysec')] : []),
    ];
    for (const processes of PROCESSES) {
      const { messages, leadMs } = sizesOf(run);
      await takeTurns(
        { contestants, rounds: run.rounds, asked: caseOf(processes), collection, say: lab.say },
        async (contestant) => {
          const place = await contestant.place(lab);
          const settings = { ...SETTINGS, consumers: processes };
          const turn = await measureAllDueAtOnce(lab, place, settings, {
            messages: messages * processes,
            leadMs,
          });
          await place.remove();
          return { figures: turn.figures };
        },
      );
    }
    const rate = (name: string, processes: number) => collection.median(name, caseOf(processes), 'handled/s');
    const beside = (processes: number, name: string, value: number, bound?: number): Comparison => ({
      name: `handled by ${caseOf(processes)}`,
      unit: '/s',
      ours: rate(OURS, processes),
      peer: { name, value },
      ...(bound !== undefined && { goal: { of: 'ratio', is: 'at least', bound } satisfies Goal }),
    });
    return {
      series: collection.series(),
      comparisons: PROCESSES.flatMap((processes) => [
        ...(processes > 1
          ? [beside(processes, `${processes} times one process`, processes * rate(OURS, 1), 0.9)]
          : []),
        beside(processes, OURS_ON_CLUSTER, rate(OURS_ON_CLUSTER, processes)),
        ...(run.peer
          ? [beside(processes, bullMqName('everysec'), rate(bullMqName('everysec'), processes))]
          : []),
      ]),
    };
  },
};
