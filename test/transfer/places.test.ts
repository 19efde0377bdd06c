import type { GetMessage } from 'amqplib';
import { decodeMessage, encodeMessage } from '../../src/message';
import { parkNoteOf } from '../../src/parking';
import { type Found, PLACES, publicationOf } from '../../src/transfer/places';
import { movedRevision } from '../../src/verdicts/entry';

const NOW = 1_800_000_000_000;
const message = {
  ...{ id: 'm', to: 'orders', payload: { order_id: 'A' }, dueAt: NOW + 90_040, acceptedAt: NOW },
  ...{ attempt: 2, delivery: 'd', first: { dueAt: NOW - 1, at: NOW } },
};
const DEATHS = {
  'x-death': [{ reason: 'delivery_limit', time: { '!': 'timestamp', value: 1_800_000_000 } }],
  'x-first-death-reason': 'delivery_limit',
};

const placeOf = (name: string) => {
  const place = PLACES.find(({ queue }) => queue === name);
  if (!place) throw new Error(`no place ${name}`);
  return place;
};

const found = (routingKey: string, properties: object, content = Buffer.from('{"order_id":"A"}')): Found => ({
  content,
  properties: properties as GetMessage['properties'],
  fields: { routingKey },
});

const valid = (routingKey: string, headers: object = {}) => {
  const { properties } = encodeMessage(message);
  return found(routingKey, { ...properties, headers: { ...properties.headers, ...headers } });
};

test('a message can lie in 193 queues', () => {
  expect(PLACES).toHaveLength(180 + 6 + 6 + 1);
});

test.each([
  ['in the wheel', 'delay.hold.1h', '0.0.0.0.1.1.30.0.orders', NOW, '0.0.0.0.0.1.30.0.orders'],
  [
    'in the wheel, later on',
    'delay.hold.1h',
    '0.0.0.0.1.1.30.0.orders',
    NOW + 30_000,
    '0.0.0.0.0.1.0.0.orders',
  ],
  ['that is due', 'delay.hold.3s', '0.0.0.0.0.0.3.0.orders', NOW + 100_000, '0.0.0.0.0.0.0.0.orders'],
  ['in its target', 'orders', '0.0.0.0.0.0.3.0.orders', NOW + 100_000, '0.0.0.0.0.0.0.0.orders'],
  ['in another target', 'emails', 'x', NOW + 100_000, '0.0.0.0.0.0.0.0.emails'],
  ['with no digits in its key', 'delay.hold.3s', 'delay.hold.3s', NOW, '0.0.0.0.0.1.30.0.orders'],
])('a message %s enters the wheel for what is left of its time', (_, queue, key, now, routingKey) => {
  const { exchange, ...moved } = publicationOf(valid(key, DEATHS), placeOf(queue), now);
  expect({ exchange, routingKey: moved.routingKey }).toEqual({ exchange: 'delay.in', routingKey });
  expect(decodeMessage(moved)).toEqual(message);
  expect(moved.properties.headers).not.toHaveProperty('x-death');
});

test.each([
  ['no message', 'delay.hold.3s', found('0.0.0.0.0.0.3.0.orders', { headers: {} }), '0.0.0.0.0.0.0.0.orders'],
  ['no message', 'orders', found('', {}), '0.0.0.0.0.0.0.0.orders'],
  [
    'due in ten thousand years',
    'orders',
    valid('', { 'due-at': NOW + 10_000 * 365 * 86_400_000 }),
    '0.0.0.0.0.0.0.0.orders',
  ],
])('what is %s, in %s, goes to its target, where it is parked', (_, queue, of, routingKey) => {
  expect(publicationOf(of, placeOf(queue), NOW)).toMatchObject({
    exchange: 'delay.in',
    routingKey,
    content: of.content,
    properties: { messageId: expect.stringMatching(/./) },
  });
});

test('what nobody can tell the target of is unroutable there, too', () => {
  const nothing = found('delay.hold.3s', {}, Buffer.alloc(0));
  expect(publicationOf(nothing, placeOf('delay.hold.3s'), NOW)).toMatchObject({
    exchange: 'delay.unroutable',
    routingKey: 'delay.hold.3s',
  });
  expect(publicationOf(valid('x.y'), placeOf('delay.unroutable'), NOW)).toMatchObject({
    exchange: 'delay.unroutable',
    routingKey: 'x.y',
  });
});

test('what is parked stays parked, with why and since when', () => {
  const ours = { 'parked-reason': 'rejected', 'parked-error': 'no', 'parked-at': NOW - 5 };
  const moved = publicationOf(valid('orders', ours), placeOf('orders.parked'), NOW);
  expect(moved).toMatchObject({ exchange: 'delay.parked', routingKey: 'orders' });
  expect(parkNoteOf(moved.properties)).toMatchObject({ reason: 'rejected', error: 'no', parkedAt: NOW - 5 });
});

test('what RabbitMQ parked says why in headers that stay', () => {
  const moved = publicationOf(valid('orders', DEATHS), placeOf('orders.parked'), NOW);
  expect(parkNoteOf(moved.properties)).toEqual({ reason: 'delivery limit', parkedAt: 1_800_000_000_000 });
});

test('a revision counts as older than all of the new broker, and nobody else is sent a copy', () => {
  const { properties } = publicationOf(
    valid('orders', { revision: 7, CC: ['a'], BCC: ['b'] }),
    placeOf('orders'),
    NOW,
  );
  expect(properties.headers?.revision).toBe(movedRevision(7));
  expect(Object.keys(properties.headers ?? {})).not.toEqual(expect.arrayContaining(['CC']));
  expect(properties.headers).not.toHaveProperty('BCC');
});
