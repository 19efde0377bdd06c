import type { Publication } from '../../src/amqp/publisher';
import { createOrdersHandler } from '../../src/consumers/orders';
import { done } from '../../src/consumers/outcome';
import type { FirstAttempt } from '../../src/message';
import { recordedLog } from '../broker/world';

const ACCEPTED_AT = Date.parse('2026-11-20T12:00:00.000Z');
const DUE_AT = Date.parse('2026-11-20T12:30:00.250Z');
const NOW = Date.parse('2026-11-20T12:30:00.251Z');
const event = {
  order_id: 'A1',
  submitted_at: '2026-11-20T12:00:00.000Z',
  due_at: '2026-11-20T12:30:00.250Z',
  handled_at: '2026-11-20T12:30:00.251Z',
};

async function handle(retried: { dueAt?: number; first?: FirstAttempt } = {}, failure?: Error) {
  const published: Publication[] = [];
  const logger = recordedLog();
  const publisher = {
    async publish(publication: Publication) {
      if (failure) throw failure;
      published.push(publication);
    },
    close: async () => {},
  };
  const handler = createOrdersHandler({ publisher, clock: () => NOW, logger });
  const outcome = await handler(
    {
      id: 'm',
      to: 'orders',
      payload: { order_id: 'A1', expire_minutes: 30 },
      dueAt: DUE_AT,
      acceptedAt: ACCEPTED_AT,
      attempt: 1,
      delivery: 'd',
      ...retried,
    },
    new AbortController().signal,
  );
  const events = published.map(({ content }) => JSON.parse(content.toString()));
  return { outcome, published, events, log: logger.lines };
}

test('an order that came due is published on the events exchange and logged', async () => {
  const { outcome, published, events, log } = await handle();
  expect(outcome).toEqual(done);
  expect(published).toEqual([
    {
      exchange: 'delay.events',
      routingKey: 'order.expired',
      content: expect.any(Buffer),
      mandatory: false,
      properties: {
        messageId: 'm',
        type: 'order.expired',
        contentType: 'application/json',
        timestamp: Math.floor(NOW / 1000),
      },
    },
  ]);
  expect(events).toEqual([event]);
  expect(log).toEqual([{ level: 'info', event: 'order.expired', ...event }]);
});

test('tried again, it still tells when the order was due at first', async () => {
  const { events } = await handle({ dueAt: NOW, first: { dueAt: DUE_AT, at: DUE_AT + 1 } });
  expect(events).toEqual([event]);
});

test('what cannot be published is not logged as done', async () => {
  await expect(handle({}, new Error('no confirm'))).rejects.toThrow('no confirm');
});
