/** What a process of the product keeps in memory for each message and each verdict. */
import type { Bench, RunSettings } from '../bench';
import type { HeapFigures } from '../programs/heap';
import { createCollection } from '../turns';

const SUBJECTS = [
  { subject: 'ledger', limitBytes: 400 },
  { subject: 'verdicts', limitBytes: 200 },
] as const;

/** Another Node lays things out in another way; what falls, falls further. */
const SHORT_MARGIN = 1.25;

const sizesOf = ({ short }: RunSettings) => (short ? [100_000] : [100_000, 1_000_000]);
const caseOf = (messages: number) => `${messages.toLocaleString('en')} messages`;

export const memory: Bench = {
  name: 'memory',
  about: 'Memory of a process for each message in the view of the ledger, and for each verdict.',
  inShort: true,
  peer: false,
  settings: (run) => ({ messages: sizesOf(run) }),
  async run(lab, run) {
    const collection = createCollection();
    for (let round = 0; round < run.rounds; round++) {
      for (const messages of sizesOf(run)) {
        for (const { subject } of SUBJECTS) {
          const program = lab.start('heap', ['--expose-gc']);
          const figures = await program.ask<HeapFigures>('measure', { subject, messages });
          await program.end();
          const { bytesEach, microsecondsAnEntry } = figures;
          const turn = { 'bytes each': bytesEach, 'processor µs an entry': microsecondsAnEntry };
          collection.add(subject, caseOf(messages), { figures: turn });
        }
      }
    }
    return {
      series: collection.series(),
      comparisons: sizesOf(run).flatMap((messages) =>
        SUBJECTS.map(({ subject, limitBytes }) => ({
          name: `${subject}, ${caseOf(messages)}`,
          unit: 'bytes',
          ours: collection.median(subject, caseOf(messages), 'bytes each'),
          goal: { of: 'ours', is: 'at most', bound: limitBytes * (run.short ? SHORT_MARGIN : 1) } as const,
        })),
      ),
    };
  },
};
