import { type ControlEntry, decodeControl, encodeControl } from '../../src/control/entry';
import { messageKey, movedRevision } from '../../src/verdicts/entry';

const message = messageKey('a');
const verdict = { kind: 'verdict', message, revision: 7, valid: null, until: 1_000, voids: 1 } as const;

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
  ['a kind of a later version', { kind: 'moon', name: 'sweep' }],
  ['a schedule without revision', { kind: 'schedule', name: 'sweep', createdAt: 1, definition: {} }],
  ['progress without a time', { kind: 'ticked', name: 'sweep', revision: 'a', runs: [] }],
  ['no key', { ...verdict, message: 'a' }],
  ['no revision', { ...verdict, revision: 0.5 }],
  ['a time that is none', { ...verdict, until: 'tomorrow' }],
  ['no delivery', { ...verdict, valid: 7 }],
  ['no list', { kind: 'dropped', messages: message }],
  ['a list of something else', { kind: 'dropped', messages: [message, 7] }],
])('%s is passed over', (_, content) => {
  expect(decodeControl(Buffer.from(JSON.stringify(content)))).toBeUndefined();
});

test('what is no JSON is passed over', () => {
  expect(decodeControl(Buffer.from([0xff]))).toBeUndefined();
  expect(decodeControl(Buffer.alloc(0))).toBeUndefined();
});
