import { createRepeats } from '../../src/consumers/repeats';

test('what was settled is remembered, what was not is not', () => {
  const repeats = createRepeats();
  repeats.begin('a')(true);
  repeats.begin('b')(false);
  expect([repeats.settled('a'), repeats.settled('b'), repeats.settled('c')]).toEqual([true, false, false]);
});

test('a copy can wait for the handling that is going on', async () => {
  const repeats = createRepeats();
  const end = repeats.begin('a');
  const copy = repeats.ongoing('a')?.then(() => repeats.settled('a'));
  end(true);
  await expect(copy).resolves.toBe(true);
  expect(repeats.ongoing('a')).toBeUndefined();
});

test('the memory is bounded; the oldest goes first', () => {
  const repeats = createRepeats(2);
  for (const delivery of ['a', 'b', 'c']) repeats.begin(delivery)(true);
  expect(['a', 'b', 'c'].map(repeats.settled)).toEqual([false, true, true]);
});
