import { FINAL, messageKey, movedRevision } from '../../src/verdicts/entry';

test('a key is short whatever the id, and another for every other id', () => {
  const keys = ['a', 'b', 'order:1', 'x'.repeat(128), 'ö'.repeat(64)].map(messageKey);
  expect(keys.map(({ length }) => length)).toEqual([16, 16, 16, 16, 16]);
  expect(new Set(keys).size).toBe(5);
  expect(messageKey('a')).toBe(keys[0]);
});

test('a revision that moves to another broker is below all of that one, in the same order, however often it moves', () => {
  const moved = [0, 1, 4_000_000_000_000].map(movedRevision);
  expect(moved).toEqual([...moved].sort((a, b) => a - b));
  expect(Math.max(...moved)).toBeLessThan(0);
  let again = 0;
  for (let moves = 0; moves < 30; moves++) {
    expect(movedRevision(again)).toBeLessThan(again);
    again = movedRevision(again);
  }
  expect(Number.isSafeInteger(again)).toBe(true);
  expect(movedRevision(FINAL)).toBe(FINAL);
});
