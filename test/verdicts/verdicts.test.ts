import { createVerdictMemory } from '../../src/verdicts/memory';
import { createVerdicts } from '../../src/verdicts/verdicts';
import { recordedLog } from '../broker/world';

const DUE_AT = 1_000_000_000;
const HOUR_MS = 3_600_000;

/** How old what must be known may be, in milliseconds, for a message with this due time when the clock says this. */
async function askedFor(now: number): Promise<number | undefined> {
  const knownSince = jest.fn(async (_ageMs: number) => {});
  const clock = () => now;
  const verdicts = createVerdicts({
    stream: { write: async () => {}, knownSince, caughtUp: () => true },
    ...{ memory: createVerdictMemory(clock), clock, logger: recordedLog() },
  });
  await verdicts.knownFor(DUE_AT);
  await verdicts.close();
  return knownSince.mock.calls[0]?.[0];
}

test.each([
  ['a second ahead of the due time everything', DUE_AT - 1_000, 0],
  ['just ahead of it what was confirmed 300 ms before it', DUE_AT - 140, 160],
  ['by a clock that is behind everything', DUE_AT - HOUR_MS, 0],
  // The wheel may have let go of it 140 ms early by the clock of whoever gave the verdict, at least 400 ms before the due time.
  ['by a clock that is an hour ahead what was confirmed 200 ms ago', DUE_AT - 140 + HOUR_MS, 200],
])('%s has to be known', async (_, now, ageMs) => {
  expect(await askedFor(now)).toBe(ageMs);
});
