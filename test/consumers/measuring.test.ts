/** What a target's consumer counts and shows while it works on a real queue. */
import { done, type Outcome, reject, retry } from '../../src/consumers/outcome';
import { encodeMessage, type Message } from '../../src/message';
import { createMetrics, type Metrics } from '../../src/metrics';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';
import { shown } from '../samples';

let world: World;
let metrics: Metrics;
beforeEach(async () => {
  world = await createWorld({ wheel: [{ name: '100ms', unitMs: 100, digits: 9 }], targets: ['orders'] });
  metrics = createMetrics();
});
afterEach(() => world.close());

const retryPolicy = { maxAttempts: 2, baseMs: 10, factor: 2, capMs: 20 };

const consume = (handler: (message: Message) => Promise<Outcome>, options: { clock?: () => number } = {}) =>
  world.consume('orders', handler, { metrics, retryPolicy, handlers: 1, ...options });

const deliver = (content: Buffer, properties: { messageId: string; headers?: object }) =>
  world.publisher.publish({
    exchange: 'delay.due',
    routingKey: '0.orders',
    content,
    properties: properties as never,
  });

/** Straight to the target's queue, past the wheel. */
const deliverMessage = (delivery: string, dueAt = Date.now()) => {
  const { content, properties } = encodeMessage({
    id: delivery,
    to: 'orders',
    payload: {},
    dueAt,
    acceptedAt: dueAt,
    attempt: 1,
    delivery,
  });
  return deliver(content, properties);
};

/** The counts that are not 0, without prefix and target. */
const counts = async (...names: string[]) =>
  Object.fromEntries(
    Object.entries(await shown(metrics, ...names))
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [name.replace('delay_broker_', '').replace(/target="orders",?/, ''), count]),
  );

test('attempts count by outcome, and what is set aside by reason', async () => {
  const outcomes: Record<string, Outcome> = { good: done, bad: reject('gone'), flaky: retry('busy') };
  await consume(async ({ id }) => outcomes[id] ?? done);
  for (const id of Object.keys(outcomes)) await deliverMessage(id);
  await deliver(Buffer.from('{'), { messageId: 'broken' });
  await eventually(async () =>
    expect(await counts('handled', 'retries', 'parked')).toEqual({
      'handled_total{outcome="done"}': 1,
      'handled_total{outcome="retried"}': 1,
      'handled_total{outcome="parked"}': 2,
      'retries_total{}': 1,
      'parked_total{reason="rejected"}': 1,
      'parked_total{reason="attempts exhausted"}': 1,
      'parked_total{reason="malformed"}': 1,
    }),
  );
  expect(await counts('lateness_seconds_count', 'handling_seconds_count')).toEqual({
    'lateness_seconds_count{}': 4,
    'handling_seconds_count{}': 4,
  });
});

test('a due time for which the wheel has no place is set aside as malformed', async () => {
  await consume(async () => done);
  await deliverMessage('far', Date.now() + 3_600_000);
  await eventually(async () =>
    expect(await counts('parked')).toEqual({ 'parked_total{reason="malformed"}': 1 }),
  );
});

test('a repeat counts as dropped, and not as handled', async () => {
  await consume(async () => done);
  const dueAt = Date.now();
  await deliverMessage('same', dueAt);
  await deliverMessage('same', dueAt);
  await eventually(async () => expect(await counts('repeats')).toEqual({ 'repeats_dropped_total{}': 1 }));
  expect(await counts('handled')).toEqual({ 'handled_total{outcome="done"}': 1 });
});

test('what is in hand shows as running or held, and nothing once it is drained', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const now = Date.now(); // and it stays so: what is due later is held for as long as the test looks
  const handler = async () => {
    await released;
    return done;
  };
  const runner = await consume(handler, { clock: () => now });
  const state = () => counts('running', 'waiting', 'held', 'handlers', 'consuming');
  const idle = { 'handlers{}': 1, 'consuming{}': 1 };
  await deliverMessage('running', now);
  await deliverMessage('held', now + 900);
  await eventually(async () => expect(await state()).toEqual({ ...idle, 'running{}': 1, 'held{}': 1 }));
  release();
  await eventually(async () => expect(await state()).toEqual({ ...idle, 'held{}': 1 }));
  await runner.drain(5_000);
  expect(await state()).toEqual({ 'handlers{}': 1 });
});
