import { messageKey } from '../../src/verdicts/entry';

test('a key is short whatever the id, and another for every other id', () => {
  const keys = ['a', 'b', 'order:1', 'x'.repeat(128), 'ö'.repeat(64)].map(messageKey);
  expect(keys.map(({ length }) => length)).toEqual([16, 16, 16, 16, 16]);
  expect(new Set(keys).size).toBe(5);
  expect(messageKey('a')).toBe(keys[0]);
});
