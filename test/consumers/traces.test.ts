/** A message's trace goes along with it: through retries, into the parked queue and back, and to everybody who is called. */
import { join } from 'node:path';
import type { Publication } from '../../src/amqp/publisher';
import { loadConfig } from '../../src/config';
import { createHandlers, type Handlers } from '../../src/consumers/handlers';
import { done, reject, retry } from '../../src/consumers/outcome';
import { encodeMessage, type Message } from '../../src/message';
import { createParkingLot } from '../../src/parking-lot';
import { loadTemplates } from '../../src/templates';
import { NO_TRACING } from '../../src/tracing';
import { eventually } from '../broker/eventually';
import { createWorld, recordedLog } from '../broker/world';
import { type ScriptedServer, scriptedServer } from './calls/scripted-server';
import { tellOf } from './tell';

const trace = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'congo=t61rcWkgMzE',
};

test('through retries, into the parked queue and back', async () => {
  const targets = ['orders'];
  const world = await createWorld({ wheel: [{ name: '100ms', unitMs: 100, digits: 9 }], targets });
  const handled: Message[] = [];
  await world.consume(
    'orders',
    async (message) => {
      handled.push(message);
      if (handled.length === 1) return retry('busy');
      return handled.length === 2 ? reject('gone') : done;
    },
    { retryPolicy: { maxAttempts: 3, baseMs: 10, factor: 2, capMs: 20 } },
  );
  await world.scheduler.schedule({ to: 'orders', payload: {}, dueAt: Date.now(), trace });
  const connection = await world.connect();
  const { scheduler, recorder, log: logger } = world;
  const clock = Date.now;
  const parkingLot = createParkingLot({ connection, scheduler, recorder, clock, logger, targets });
  await eventually(async () =>
    expect(await parkingLot.redrive('orders')).toMatchObject({ redriven: 1, notRedriven: [] }),
  );
  await eventually(() => expect(handled).toHaveLength(3));
  expect(handled.map((message) => message.attempt)).toEqual([1, 2, 1]);
  expect(handled.map((message) => message.trace)).toEqual([trace, trace, trace]);
  await world.close();
});

describe('to everybody who is called', () => {
  let server: ScriptedServer;
  let handlers: Handlers;
  let published: Publication[];
  beforeEach(async () => {
    server = await scriptedServer();
    published = [];
    const publisher = {
      publish: async (publication: Publication) => void published.push(publication),
      close: async () => {},
    };
    handlers = createHandlers({
      config: loadConfig({
        AMQP_URL: 'amqp://localhost',
        ORDER_CALLBACK_URL: `http://${server.host}/`,
        WEBHOOK_ALLOW: '127.0.0.1',
      }),
      targets: ['orders', 'webhooks', 'relay'],
      publisher,
      relay: { publisher, exchangeExists: async () => true },
      templates: loadTemplates(join(__dirname, '../../templates')),
      reporter: undefined,
      tracing: NO_TRACING,
      clock: Date.now,
      logger: recordedLog(),
    });
  });
  afterEach(async () => {
    await handlers.close();
    await server.close();
  });

  const message = (payload: unknown): Message => ({
    id: 'm',
    to: 'any',
    payload,
    dueAt: 0,
    acceptedAt: 0,
    attempt: 1,
    delivery: 'd',
    trace,
  });

  test('the order service, and whoever listens for events', async () => {
    const outcome = await handlers.byTarget.orders(message({ order_id: 'A1' }));
    expect(outcome).toMatchObject({ kind: 'done' });
    await tellOf(outcome);
    expect(server.received).toMatchObject([{ headers: trace }]);
    expect(published).toMatchObject([{ routingKey: 'order.expired', properties: { headers: trace } }]);
  });

  test('a webhook, unless it names a trace of its own', async () => {
    const url = `http://${server.host}/`;
    await handlers.byTarget.webhooks(message({ url }));
    await handlers.byTarget.webhooks(message({ url, headers: { TraceParent: 'mine' } }));
    expect(server.received[0]?.headers).toMatchObject(trace);
    expect(server.received[1]?.headers).toMatchObject({ traceparent: 'mine' });
    expect(server.received[1]?.headers).not.toHaveProperty('tracestate');
  });

  test('a relayed message, unless it names a trace of its own', async () => {
    const relayed = { exchange: 'shop', routing_key: 'x', content: 1 };
    await handlers.byTarget.relay(message({ ...relayed, headers: { tenant: 7 } }));
    await handlers.byTarget.relay(message({ ...relayed, headers: { traceparent: 'mine' } }));
    expect(published.map(({ properties }) => properties.headers)).toEqual([
      { tenant: 7, ...trace },
      { traceparent: 'mine' },
    ]);
  });

  test('and nobody gets one where there is none', async () => {
    const { trace: _, ...without } = message({ order_id: 'A1' });
    await tellOf(await handlers.byTarget.orders(without));
    expect(server.received[0]?.headers).not.toHaveProperty('traceparent');
    expect(published[0]?.properties).not.toHaveProperty('headers');
    expect(encodeMessage(without).properties.headers).not.toHaveProperty('traceparent');
  });
});
