import type { z } from 'zod';
import type { Publication } from '../../src/amqp/publisher';
import { createHttpCaller, type HttpCaller } from '../../src/consumers/calls/http-caller';
import type { MessageOf } from '../../src/consumers/handler';
import { createOrdersHandler } from '../../src/consumers/orders';
import { type Outcome, reject, retry } from '../../src/consumers/outcome';
import type { orderPayload } from '../../src/targets';
import { recordedLog } from '../broker/world';
import { type ScriptedServer, scriptedServer, status } from './calls/scripted-server';
import { tellOf } from './tell';

const ACCEPTED_AT = Date.parse('2026-11-20T12:00:00.000Z');
const DUE_AT = Date.parse('2026-11-20T12:30:00.250Z');
const NOW = Date.parse('2026-11-20T12:30:00.251Z');
const event = {
  order_id: 'A1',
  submitted_at: '2026-11-20T12:00:00.000Z',
  due_at: '2026-11-20T12:30:00.250Z',
  handled_at: '2026-11-20T12:30:00.251Z',
};

type Different = Partial<MessageOf<z.output<typeof orderPayload>>>;

async function handle(
  different: Different = {},
  failures: Error[] = [],
  callback?: { url: URL; caller: HttpCaller },
) {
  const published: Publication[] = [];
  const logger = recordedLog();
  const publisher = {
    async publish(publication: Publication) {
      const failure = failures.shift();
      if (failure) throw failure;
      published.push(publication);
    },
    close: async () => {},
  };
  const handler = createOrdersHandler({ publisher, callback, clock: () => NOW, logger });
  const outcome = await handler(
    {
      id: 'm',
      to: 'orders',
      payload: { order_id: 'A1', expire_minutes: 30 },
      dueAt: DUE_AT,
      acceptedAt: ACCEPTED_AT,
      attempt: 1,
      delivery: 'd',
      ...different,
    },
    new AbortController().signal,
  );
  expect([published, logger.lines]).toEqual([[], []]);
  await tellOf(outcome).catch(() => tellOf(outcome));
  const events = published.map(({ content }) => JSON.parse(content.toString()));
  return { outcome, published, events, log: logger.lines };
}

test('an order that came due is published on the events exchange and logged', async () => {
  const { outcome, published, events, log } = await handle();
  expect(outcome).toMatchObject({ kind: 'done' });
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
  expect(log).toEqual([{ level: 'info', event: 'order.expired', messageId: 'm', ...event }]);
});

test('tried again, it still tells when the order was due at first', async () => {
  const { events } = await handle({ dueAt: NOW, first: { dueAt: DUE_AT, at: DUE_AT + 1 } });
  expect(events).toEqual([event]);
});

test('what cannot be published at first is logged once it could', async () => {
  const { events, log } = await handle({}, [new Error('no confirm')]);
  expect(events).toEqual([event]);
  expect(log).toMatchObject([{ event: 'order.expired', messageId: 'm' }]);
});

describe('with an order service', () => {
  let server: ScriptedServer;
  let caller: HttpCaller;
  beforeEach(async () => {
    server = await scriptedServer();
    caller = createHttpCaller({ clock: () => NOW });
  });
  afterEach(async () => {
    await caller.close();
    await server.close();
  });

  const ask = (different?: Different, failures?: Error[]) =>
    handle(different, failures, {
      url: new URL(`http://ann:PASSWORD@${server.host}/PATH?token=TOKEN`),
      caller,
    });

  test('it is told which order came due, under an id that stays the same', async () => {
    await ask();
    expect(server.received).toEqual([
      {
        method: 'POST',
        path: '/PATH?token=TOKEN',
        headers: expect.objectContaining({
          'idempotency-key': 'm',
          'content-type': 'application/json',
          'user-agent': 'delay-broker',
          authorization: `Basic ${Buffer.from('ann:PASSWORD').toString('base64')}`,
        }),
        body: JSON.stringify({
          order_id: 'A1',
          expire_minutes: 30,
          submitted_at: event.submitted_at,
          due_at: event.due_at,
        }),
      },
    ]);
  });

  test('it is not called again for an event that cannot be published at first', async () => {
    const { events } = await ask({}, [new Error('no confirm')]);
    expect(events).toEqual([event]);
    expect(server.received).toHaveLength(1);
  });

  test('tried again, it is told when the order was due at first; without minutes, none are made up', async () => {
    await ask({ dueAt: NOW, first: { dueAt: DUE_AT, at: DUE_AT + 1 }, payload: { order_id: 'A1' } });
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      order_id: 'A1',
      submitted_at: event.submitted_at,
      due_at: event.due_at,
    });
  });

  test('an id that is no header becomes one', async () => {
    await ask({ id: 'order ☃.1' });
    expect(server.received[0]?.headers['idempotency-key']).toBe('order%20%E2%98%83.1');
  });

  test.each([
    [200, 'order.expired', {}],
    [204, 'order.expired', {}],
    [409, 'order.kept', { reason: 'paid or gone (409)' }],
    [410, 'order.kept', { reason: 'paid or gone (410)' }],
  ])('%d is done, and %s', async (code, type, more) => {
    server.answer(status(code));
    const { outcome, published, events, log } = await ask();
    expect(outcome).toMatchObject({ kind: 'done' });
    expect(published).toMatchObject([{ routingKey: type, properties: { messageId: 'm', type } }]);
    expect(events).toEqual([{ ...event, ...more }]);
    expect(log).toEqual([{ level: 'info', event: type, messageId: 'm', ...event, ...more }]);
  });

  test.each<[number, Record<string, string>, () => Outcome]>([
    [302, { location: '/' }, () => reject(`POST ${server.host} answered 302: redirects are not followed`)],
    [400, {}, () => reject(`POST ${server.host} answered 400`)],
    [404, {}, () => reject(`POST ${server.host} answered 404`)],
    [429, { 'retry-after': '5' }, () => retry(`POST ${server.host} answered 429`, 5_000)],
    [500, {}, () => retry(`POST ${server.host} answered 500`)],
  ])('%d %j is not done: no event', async (code, headers, expected) => {
    server.answer(status(code, headers));
    const { outcome, published, log } = await ask();
    expect(outcome).toEqual(expected());
    expect([published, log]).toEqual([[], []]);
  });

  test('one that is not there is asked again later, and nothing secret is told', async () => {
    await server.close();
    const { outcome, published, log } = await ask();
    server = await scriptedServer();
    expect(outcome).toMatchObject({ kind: 'retry', error: expect.stringContaining('ECONNREFUSED') });
    expect([published, log]).toEqual([[], []]);
    expect(JSON.stringify(outcome)).not.toMatch(/PASSWORD|TOKEN|PATH/);
  });
});
