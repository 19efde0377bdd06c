import {
  type ControlEntry,
  decodeControl,
  encodeControl,
  FINAL,
  messageKey,
  movedRevision,
} from '../../src/verdicts/entry';

const message = messageKey('a');
const verdict = { kind: 'verdict', message, revision: 7, valid: null, until: 1_000, voids: 1 } as const;

test('a key is short whatever the id, and another for every other id', () => {
  const keys = ['a', 'b', 'order:1', 'x'.repeat(128), 'ö'.repeat(64)].map(messageKey);
  expect(keys.map(({ length }) => length)).toEqual([16, 16, 16, 16, 16]);
  expect(new Set(keys).size).toBe(5);
  expect(messageKey('a')).toBe(message);
});

test.each<[ControlEntry]>([
  [verdict],
  [{ ...verdict, valid: '01M889VR5RKR4H2ZHM05H1PH96' }],
  [{ ...verdict, revision: movedRevision(7) }],
  [{ kind: 'dropped', messages: [message, messageKey('b')] }],
])('%j comes back as it was written', (entry) => {
  expect(decodeControl(encodeControl(entry))).toEqual(entry);
});

test.each<[string, unknown]>([
  ['nothing', null],
  ['a kind of a later version', { kind: 'schedule', name: 'sweep' }],
  ['no key', { ...verdict, message: 'a' }],
  ['no revision', { ...verdict, revision: 0.5 }],
  ['a time that is none', { ...verdict, until: 'tomorrow' }],
  ['no delivery', { ...verdict, valid: 7 }],
  ['no list', { kind: 'dropped', messages: message }],
  ['a list of something else', { kind: 'dropped', messages: [message, 7] }],
])('%s is passed over', (_, content) => {
  expect(decodeControl(Buffer.from(JSON.stringify(content)))).toBeUndefined();
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

test('what is no JSON is passed over', () => {
  expect(decodeControl(Buffer.from([0xff]))).toBeUndefined();
  expect(decodeControl(Buffer.alloc(0))).toBeUndefined();
});
