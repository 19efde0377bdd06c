import { done } from '../../src/consumers/outcome';
import { createPace } from '../../src/consumers/pace';
import type { Message } from '../../src/message';

const MESSAGE = {} as Message;

/** A pace of handlers that have each taken so long, in milliseconds. */
async function paceOf(handlers: number, ...tookMs: number[]) {
  let now = 0;
  const pace = createPace(handlers, () => now);
  for (const ms of tookMs) {
    const handler = pace.measured(async () => {
      now += ms;
      return done;
    });
    await expect(handler(MESSAGE)).resolves.toBe(done);
  }
  return pace;
}

test.each([
  ['nothing is known', 5, [], 0],
  ['five handlers take 5 ms each', 5, [5, 5], 50],
  ['they take as long', 5, [50], 5],
  ['they take longer', 5, [1_000], 0],
  ['one of many runs took seconds', 5, [5, 5, 5, 5, 10_000], 0],
  ['they take no time at all', 5, [0], Number.POSITIVE_INFINITY],
])('what ends within 50 ms when %s', async (_, handlers, tookMs, ending) => {
  expect((await paceOf(handlers, ...tookMs)).endingWithin(50)).toBe(ending);
});

test('what fails counts as well', async () => {
  let now = 0;
  const pace = createPace(1, () => now);
  const failing = pace.measured(async () => {
    now += 10;
    throw new Error('failed');
  });
  await expect(failing(MESSAGE)).rejects.toThrow('failed');
  expect(pace.endingWithin(50)).toBe(5);
});

test('nothing is known any more after somebody waited in vain, until the next run has ended', async () => {
  const pace = await paceOf(5, 5);
  pace.forget();
  expect(pace.endingWithin(50)).toBe(0);
  await pace.measured(async () => done)(MESSAGE);
  expect(pace.endingWithin(50)).toBeGreaterThan(0);
});
