import fc from 'fast-check';
import { MalformedMessageError } from '../src/errors';
import { decodeMessage, encodeMessage, idDueAt, type Message } from '../src/message';

const message: Message = {
  id: 'id-1',
  to: 'orders',
  payload: { order_id: 'A1' },
  dueAt: 1_800_000_000_123,
  acceptedAt: 1_799_999_000_000,
  attempt: 1,
  delivery: 'delivery-1',
};

test('what is encoded is decoded to the same', () => {
  const retried = {
    ...message,
    attempt: 3,
    first: { dueAt: message.dueAt - 5000, at: message.dueAt - 4999 },
    retry: { maxAttempts: 5, capMs: 0 },
    trace: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'a=1' },
  };
  expect(decodeMessage(encodeMessage(message))).toEqual(message);
  expect(decodeMessage(encodeMessage(retried))).toEqual(retried);
});

test('any JSON is a payload', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const payload = JSON.parse(json);
      expect(decodeMessage(encodeMessage({ ...message, payload })).payload).toEqual(
        JSON.parse(JSON.stringify(payload)),
      );
    }),
  );
});

const envelope = encodeMessage(message);
const withProperties = (properties: object) => ({
  ...envelope,
  properties: { ...envelope.properties, ...properties },
});
const withHeaders = (headers: object) =>
  withProperties({ headers: { ...envelope.properties.headers, ...headers } });

test.each([
  ['no message id', withProperties({ messageId: undefined }), 'message_id'],
  ['an overlong message id', withProperties({ messageId: 'x'.repeat(129) }), 'message_id'],
  ['no type', withProperties({ type: undefined }), 'type'],
  ['no timestamp', withProperties({ timestamp: undefined }), 'timestamp'],
  ['no headers', withProperties({ headers: undefined }), 'due-at'],
  ['a due time that is text', withHeaders({ 'due-at': 'tomorrow' }), 'due-at'],
  ['a fractional due time', withHeaders({ 'due-at': 1.5 }), 'due-at'],
  ['a due time in a table', withHeaders({ 'due-at': { '!': 'timestamp', value: 1 } }), 'due-at'],
  ['attempt zero', withHeaders({ attempt: 0 }), 'attempt'],
  ['no delivery', withHeaders({ delivery: undefined }), 'delivery'],
  ['a retry policy of no attempts', withHeaders({ 'retry-max-attempts': 0 }), 'retry-max-attempts'],
  ['half a first attempt', withHeaders({ 'first-due-at': 1 }), 'first-attempt-at'],
  ['an empty body', { ...envelope, content: Buffer.alloc(0) }, 'JSON'],
  ['a body that is not JSON', { ...envelope, content: Buffer.from('{') }, 'JSON'],
  ['a body that is not UTF-8', { ...envelope, content: Buffer.from([0x22, 0xff, 0x22]) }, 'UTF-8'],
])('%s is malformed, and the error names it', (_, raw, named) => {
  expect(() => decodeMessage(raw)).toThrow(MalformedMessageError);
  expect(() => decodeMessage(raw)).toThrow(named);
});

test.each([
  ['is malformed', { traceparent: '00-1-2-3' }],
  ['is no text', { traceparent: 1, tracestate: {} }],
])('a trace that %s is left out, and the message is read', (_, headers) => {
  expect(decodeMessage(withHeaders(headers))).toEqual(message);
});

test('ids sort by due time and carry it', () => {
  fc.assert(
    fc.property(fc.nat(4e12), fc.nat(4e12), (a, b) => {
      fc.pre(a !== b);
      expect(idDueAt(a) < idDueAt(b)).toBe(a < b);
    }),
  );
  expect(idDueAt(1_469_918_176_385)).toMatch(/^01ARYZ6S41[0-9A-HJKMNP-TV-Z]{16}$/); // the ULID specification's own example
  expect(new Set(Array.from({ length: 1000 }, () => idDueAt(0))).size).toBe(1000);
});
