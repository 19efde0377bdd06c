import type { ConsumeMessage } from 'amqplib';
import { decodeControl, encodeControl } from '../../src/control/entry';
import { decodeEntry, encodeEntry } from '../../src/ledger/entry';
import { decodeMessage } from '../../src/message';
import { controlCopy, copiedOffset, ledgerCopy } from '../../src/transfer/entries';
import { FINAL, messageKey, movedRevision } from '../../src/verdicts/entry';

const SOURCE = 'rabbit@old/';
const verdict = {
  kind: 'verdict',
  message: messageKey('a'),
  revision: 7,
  valid: 'd',
  until: 1_000,
  voids: 1,
} as const;

const entry = (content: Buffer, properties: object, offset = 40) => ({
  offset,
  content,
  properties: {
    headers: { 'x-stream-offset': offset },
    ...properties,
  } as unknown as ConsumeMessage['properties'],
});

test('a verdict keeps its order among the old ones, and comes before all of the new broker', () => {
  const copy = controlCopy(entry(encodeControl(verdict), { type: 'verdict', timestamp: 5 }), SOURCE);
  expect(copy).toMatchObject({ exchange: 'delay.control', properties: { type: 'verdict', timestamp: 5 } });
  expect(decodeControl(copy?.content ?? Buffer.alloc(0))).toEqual({ ...verdict, revision: movedRevision(7) });
});

test('a verdict that nothing can overrule stays one', () => {
  const copy = controlCopy(entry(encodeControl({ ...verdict, revision: FINAL }), {}), SOURCE);
  expect(decodeControl(copy?.content ?? Buffer.alloc(0))).toMatchObject({ revision: FINAL });
});

test.each([
  ['of a later version', Buffer.from('{"kind":"schedule","name":"sweep"}')],
  ['that is no JSON', Buffer.from([0xff, 0])],
  ['without a body', Buffer.alloc(0)],
])('an entry %s is copied as it is', (_, content) => {
  expect(controlCopy(entry(content, { type: 'x' }), SOURCE)?.content).toEqual(content);
});

test('marks are not copied', () => {
  expect(controlCopy(entry(Buffer.alloc(0), { type: 'mark' }), SOURCE)).toBeUndefined();
  expect(ledgerCopy(entry(Buffer.alloc(0), { type: 'mark' }), SOURCE)).toBeUndefined();
});

test('an entry of the ledger keeps what it says, and its place as a revision', () => {
  const message = {
    ...{ id: 'a', to: 'orders', payload: { order_id: 'A' }, dueAt: 9_000, acceptedAt: 1_000 },
    ...{ attempt: 1, delivery: 'd', revision: 12 },
  };
  const written = { kind: 'rescheduled', at: 2_000, ...message, by: 'u' } as const;
  const { revision: _, payload: __, acceptedAt: ___, ...said } = written;
  const { content, properties } = encodeEntry(said, message);
  const copy = ledgerCopy(entry(content, properties), SOURCE);
  expect(copy?.exchange).toBe('delay.ledger');
  const copied = { content: copy?.content ?? Buffer.alloc(0), properties: copy?.properties ?? {} };
  expect(decodeEntry(copied)).toEqual({ ...said, revision: movedRevision(40) });
  expect(decodeMessage(copied)).toEqual({ ...message, revision: movedRevision(12) });

  const again = ledgerCopy(entry(copied.content, copied.properties, 3), 'rabbit@new/');
  const read = decodeEntry({ content: copied.content, properties: again?.properties ?? {} });
  expect(read?.revision).toBe(movedRevision(movedRevision(40)));
});

test('an entry of a ledger that was declared anew is copied with the revision that it has there', () => {
  const about = { id: 'a', to: 'orders', delivery: 'd', attempt: 1, dueAt: 9, at: 2 };
  const written = { kind: 'cancelled', ...about } as const;
  const { content, properties } = encodeEntry({ ...written, ahead: 1_000 });
  const copy = ledgerCopy(entry(content, properties), SOURCE);
  const read = decodeEntry({ content, properties: copy?.properties ?? {} });
  expect(read).toEqual({ ...written, revision: movedRevision(1_040) });
});

test('a copy says which entry of which broker it is of', () => {
  const properties = controlCopy(entry(encodeControl(verdict), {}), SOURCE)
    ?.properties as ConsumeMessage['properties'];
  expect(properties.headers).not.toHaveProperty('x-stream-offset');
  const copy = { offset: 3, content: Buffer.alloc(0), properties };
  expect([copiedOffset(copy, SOURCE), copiedOffset(copy, 'rabbit@other/')]).toEqual([40, undefined]);
});
