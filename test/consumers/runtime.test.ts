import { managementRequest } from '../../dev/management';
import type { Publication } from '../../src/amqp/publisher';
import { done, doneOnceTold, reject, retry } from '../../src/consumers/outcome';
import type { TargetRunner } from '../../src/consumers/runtime';
import { BrokerUnavailableError } from '../../src/errors';
import { encodeMessage, type Message } from '../../src/message';
import { createMetrics, type TargetState } from '../../src/metrics';
import { eventually } from '../broker/eventually';
import { createWorld, recordedLog, type World } from '../broker/world';

const wheel = [
  { name: '1s', unitMs: 1_000, digits: 5 },
  { name: '100ms', unitMs: 100, digits: 9 },
];
const quickly = { maxAttempts: 3, baseMs: 10, factor: 2, capMs: 20 };

let world: World;
beforeEach(async () => {
  world = await createWorld({ wheel, targets: ['orders'] });
});
afterEach(() => world.close());

const schedule = (payload: unknown, delayMs = 0) =>
  world.scheduler.schedule({ to: 'orders', payload, dueAt: Date.now() + delayMs });

/** Past the wheel, straight to the target's queue. */
const deliver = (content: Buffer, properties: Publication['properties']) =>
  world.publisher.publish({ exchange: 'delay.due', routingKey: '0.0.orders', content, properties });

const deliverMessage = (message: Message) => {
  const { content, properties } = encodeMessage(message);
  return deliver(content, properties);
};

const messageDueAt = (dueAt: number): Message => ({
  id: 'm',
  to: 'orders',
  payload: {},
  dueAt,
  acceptedAt: dueAt,
  attempt: 1,
  delivery: 'd',
});

/** A handler that runs until it is let go. */
function heldHandler() {
  const started: Message[] = [];
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handler = async (message: Message) => {
    started.push(message);
    await released;
    return done;
  };
  return { handler, started, release };
}

/** Nothing is left in the queue, and nothing in hand that could come back to it. */
async function expectAllSettled(...runners: TargetRunner[]) {
  for (const runner of runners) await expect(runner.drain(5_000)).resolves.toBe(true);
  const channel = await (await world.connect()).model.createChannel();
  await eventually(async () =>
    expect(await channel.checkQueue('orders')).toMatchObject({ messageCount: 0, consumerCount: 0 }),
  );
}

test('what is no valid message is parked with the reason, and the consumer lives on', async () => {
  const handled: Message[] = [];
  await world.consume('orders', async (message) => {
    handled.push(message);
    return done;
  });
  const startedAt = Date.now();
  await deliver(Buffer.from('{'), { messageId: 'broken', type: 'orders', timestamp: 1, headers: { a: 'b' } });
  await deliver(Buffer.alloc(0), { messageId: '' });
  const { id } = await schedule({ order_id: 'A1' });
  await eventually(() => expect(handled.map((message) => message.id)).toEqual([id]));

  const parked = await world.drainQueue('orders.parked', 2);
  const broken = parked.find(({ properties }) => properties.messageId === 'broken');
  expect(broken?.content.toString()).toBe('{');
  expect(broken?.properties.headers).toMatchObject({
    a: 'b',
    'parked-reason': 'malformed',
    'parked-error': 'the body is not JSON in UTF-8',
  });
  expect(broken?.properties.headers?.['parked-at']).toBeGreaterThanOrEqual(startedAt);
});

test('a message to be retried is the same delivery of the same message, never early, until it is done', async () => {
  const handled: { message: Message; at: number }[] = [];
  const runner = await world.consume(
    'orders',
    async (message) => {
      handled.push({ message, at: Date.now() });
      return message.attempt < 3 ? retry('busy') : done;
    },
    { retryPolicy: quickly },
  );
  const scheduled = await schedule({ order_id: 'A1' });
  await eventually(() => expect(handled).toHaveLength(3));
  expect(handled.map(({ message }) => message.attempt)).toEqual([1, 2, 3]);
  expect(new Set(handled.map(({ message }) => message.delivery)).size).toBe(1);
  for (const { message, at } of handled) {
    expect(message).toMatchObject({ id: scheduled.id, payload: { order_id: 'A1' } });
    expect(at).toBeGreaterThanOrEqual(message.dueAt);
  }
  expect(handled[2]?.message.first?.dueAt).toBe(scheduled.dueAt);
  await expectAllSettled(runner);
});

test('what is done is not handled again while nobody can be told of it, and acknowledged once somebody was', async () => {
  const handled: Message[] = [];
  let told = 0;
  const runner = await world.consume('orders', async (message) => {
    handled.push(message);
    return doneOnceTold(async () => {
      told++;
      if (told < 3) throw new BrokerUnavailableError('blocked');
    });
  });
  const { id } = await schedule({ order_id: 'A1' });
  await eventually(() => expect(told).toBe(3));
  expect(handled.map((message) => message.id)).toEqual([id]);
  expect(world.log.lines.filter(({ event }) => event === 'not settled yet')).toMatchObject([
    { messageId: id, settlement: 'acknowledge', error: 'blocked' },
    { messageId: id, settlement: 'acknowledge', error: 'blocked' },
  ]);
  await expectAllSettled(runner);
});

test.each([
  ['rejected', reject('order is gone'), 'order is gone', 1],
  ['attempts exhausted', retry('always busy'), 'always busy', 3],
])('what is %s is parked with reason, error and attempt', async (reason, outcome, error, attempt) => {
  await world.consume('orders', async () => outcome, { retryPolicy: quickly });
  const { id, dueAt } = await schedule({ order_id: 'A1' });
  const [parked] = await world.drainQueue('orders.parked', 1);
  expect(JSON.parse(String(parked?.content))).toEqual({ order_id: 'A1' });
  expect(parked?.properties).toMatchObject({ messageId: id, type: 'orders' });
  expect(parked?.properties.headers).toMatchObject({
    'parked-reason': reason,
    'parked-error': error,
    attempt,
    'parked-attempts': attempt,
    'parked-first-attempt-at': expect.any(Number),
    'parked-last-attempt-at': expect.any(Number),
    ...(attempt === 1 ? { 'due-at': dueAt } : { 'first-due-at': dueAt }),
  });
  expect(parked?.properties.headers).not.toHaveProperty('x-death');
});

test('a delivery more than a second early goes round again and is handled once, on time', async () => {
  const handledAt: number[] = [];
  const runner = await world.consume('orders', async () => {
    handledAt.push(Date.now());
    return done;
  });
  const dueAt = Date.now() + 5_000;
  await deliverMessage(messageDueAt(dueAt));
  await eventually(() =>
    expect(world.log.lines).toContainEqual(expect.objectContaining({ event: 'early, sent round again' })),
  );
  await eventually(() => expect(handledAt).toHaveLength(1));
  expect(handledAt[0]).toBeGreaterThanOrEqual(dueAt);
  await expectAllSettled(runner);
  expect(handledAt).toHaveLength(1);
});

test('a copy of a delivery is not handled again, whether it comes during or after the first', async () => {
  const { handler, started, release } = heldHandler();
  await world.consume('orders', handler);
  const message = messageDueAt(Date.now());
  await deliverMessage(message);
  await eventually(() => expect(started).toHaveLength(1));
  await deliverMessage(message);
  release();
  await deliverMessage(message);
  await eventually(() =>
    expect(world.log.lines.filter(({ event }) => event === 'repeat dropped')).toHaveLength(2),
  );
  expect(started).toHaveLength(1);
});

test('a message whose connection is lost while it is handled comes again and is not handled again here', async () => {
  const { handler, started, release } = heldHandler();
  const runner = await world.consume('orders', handler);
  await schedule({ order_id: 'A1' });
  await eventually(() => expect(started).toHaveLength(1));
  const managementUrl = process.env.TEST_MANAGEMENT_URL ?? '';
  await eventually(async () => {
    const connections = (await managementRequest(
      managementUrl,
      'GET',
      `/api/vhosts/${world.vhost}/connections`,
    )) as {
      name: string;
      client_properties: { connection_name?: string };
    }[];
    const own = connections.find(
      ({ client_properties }) => client_properties.connection_name === 'consume orders',
    );
    expect(own).toBeDefined();
    await managementRequest(
      managementUrl,
      'DELETE',
      `/api/connections/${encodeURIComponent(own?.name ?? '')}`,
    );
  });
  await eventually(() =>
    expect(world.log.lines).toContainEqual(expect.objectContaining({ event: 'disconnected' })),
  );
  release();
  await eventually(() =>
    expect(world.log.lines).toContainEqual(expect.objectContaining({ event: 'repeat dropped' })),
  );
  expect(started).toHaveLength(1);
  await expectAllSettled(runner);
});

test('no more handlers run at once than allowed, and every message gets its turn', async () => {
  let running = 0;
  let most = 0;
  let handled = 0;
  await world.consume(
    'orders',
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      handled++;
      return done;
    },
    { handlers: 3, prefetch: 20 },
  );
  await Promise.all(Array.from({ length: 60 }, (_, i) => schedule(i)));
  await eventually(() => expect(handled).toBe(60));
  expect(most).toBe(3);
});

test.each([
  ['stands beside it', 0],
  ['joins late', 1],
])('a slow consumer leaves what is due to a fast one that %s', async (_, late) => {
  const slow = heldHandler();
  const fast: Message[] = [];
  const consumeSlowly = () => world.consume('orders', slow.handler, { handlers: 1, prefetch: 50 });
  const consumeFast = () =>
    world.consume('orders', async (message) => {
      fast.push(message);
      return done;
    });
  const runners = late ? [await consumeSlowly()] : [await consumeSlowly(), await consumeFast()];
  await Promise.all(Array.from({ length: 20 }, (_, i) => schedule(i, 50)));
  await eventually(() => expect(slow.started).toHaveLength(1));
  if (late) runners.push(await consumeFast());
  await eventually(() => expect(fast).toHaveLength(19));
  slow.release();
  await expectAllSettled(...runners);
});

test('an overloaded target has the next messages at hand before a fast handler is free', async () => {
  const slow = heldHandler();
  const metrics = createMetrics();
  let waiting = () => 0;
  const watched = {
    ...metrics,
    watchTarget: (target: string, state: TargetState) => {
      waiting = state.waiting;
      metrics.watchTarget(target, state);
    },
  };
  let atHand = 0;
  let handled = 0;
  const handler = async (message: Message) => {
    handled++;
    if (message.payload === 'slow') return slow.handler(message);
    for (const until = performance.now() + 10; performance.now() < until && waiting() < 2; )
      await new Promise((resolve) => setTimeout(resolve, 1));
    // Once the queue is empty the overload is over, and messages are pushed again.
    if (waiting() >= 2 && handled < 50) atHand++;
    return done;
  };
  const runner = await world.consume('orders', handler, { handlers: 1, prefetch: 5, metrics: watched });
  await schedule('slow');
  await eventually(() => expect(slow.started).toHaveLength(1));
  await Promise.all(Array.from({ length: 100 }, (_, i) => schedule(i)));
  // All that were pushed have gone back: nothing comes any more but what is fetched.
  await eventually(async () => {
    const channel = await (await world.connect()).model.createChannel();
    const { messageCount } = await channel.checkQueue('orders').finally(() => channel.close());
    expect({ messageCount, waiting: waiting() }).toEqual({ messageCount: 100, waiting: 0 });
  });
  slow.release();
  await eventually(() => expect(handled).toBe(101));
  await expectAllSettled(runner);
  expect(atHand).toBeGreaterThan(0);
});

test('garbage amid an overload keeps nobody waiting', async () => {
  const { handler, started, release } = heldHandler();
  const runner = await world.consume('orders', handler, { handlers: 1, prefetch: 10 });
  await schedule('running');
  await eventually(() => expect(started).toHaveLength(1));
  await schedule('given back');
  await eventually(async () => {
    const channel = await (await world.connect()).model.createChannel();
    expect((await channel.checkQueue('orders')).messageCount).toBe(1);
  });
  await deliver(Buffer.from('{'), { messageId: 'garbage' });
  await deliverMessage({ ...messageDueAt(Date.now() + 3_600_000), id: 'beyond the wheel', delivery: 'far' });
  await schedule('last');
  release();
  await eventually(() => expect(started.map(({ payload }) => payload)).toContain('last'));
  const parked = await world.drainQueue('orders.parked', 2);
  expect(parked.map(({ properties }) => properties.messageId).sort()).toEqual([
    'beyond the wheel',
    'garbage',
  ]);
  expect(started).toHaveLength(3);
  await expectAllSettled(runner);
});

test('a long overload parks nothing, and what comes after it is handled on time again', async () => {
  let handled = 0;
  const handler = async () => {
    await new Promise((resolve) => setTimeout(resolve, 450));
    handled++;
    return done;
  };
  // Each round of handlers outlasts the patience of those who wait: unless they wait elsewhere, they go to and fro.
  const runners = [
    await world.consume('orders', handler, { handlers: 2, prefetch: 20 }),
    await world.consume('orders', handler, { handlers: 2, prefetch: 20 }),
  ];
  await Promise.all(Array.from({ length: 60 }, (_, i) => schedule(i, 100 + i)));
  await eventually(() => expect(handled).toBe(60), 30_000);
  const channel = await (await world.connect()).model.createChannel();
  expect(await channel.checkQueue('orders.parked')).toMatchObject({ messageCount: 0 });
  const { dueAt } = await schedule('after', 300);
  await eventually(() => expect(handled).toBe(61));
  const lateMs = world.log.lines.filter(({ event }) => event === 'handled').at(-1)?.lateMs;
  expect(Number(lateMs)).toBeGreaterThanOrEqual(0);
  expect(dueAt).toBeLessThanOrEqual(Date.now());
  await expectAllSettled(...runners);
});

test('draining gives held messages back, finishes what runs and acknowledges it', async () => {
  const { handler, started, release } = heldHandler();
  // What is held does not become due meanwhile, however slow the machine.
  const now = Date.now();
  const runner = await world.consume('orders', handler, { clock: () => now });
  await deliverMessage(messageDueAt(now));
  await eventually(() => expect(started).toHaveLength(1));
  await deliverMessage({ ...messageDueAt(now + 900), id: 'held', delivery: 'held' });
  const draining = runner.drain(5_000);
  release();
  await expect(draining).resolves.toBe(true);
  const left = await world.drainQueue('orders', 1);
  expect(left.map(({ properties }) => properties.messageId)).toEqual(['held']);
});

test('draining with 50 running and 250 held loses none, and the held ones go to the other consumer at once', async () => {
  const { handler, started, release } = heldHandler();
  const leaving = await world.consume('orders', handler, { handlers: 50, prefetch: 300 });
  const dueAt = Date.now() + 950;
  const deliverMany = (from: number, to: number, due: number) =>
    Promise.all(
      Array.from({ length: to - from }, (_, i) => {
        const id = `message-${from + i}`;
        return deliverMessage({ ...messageDueAt(due), id, delivery: id });
      }),
    );
  await deliverMany(0, 50, Date.now());
  await eventually(() => expect(started).toHaveLength(50));
  await deliverMany(50, 300, dueAt);

  const taken: { id: string; early: boolean }[] = [];
  const staying = await world.consume('orders', async (message) => {
    taken.push({ id: message.id, early: Date.now() < message.dueAt });
    return done;
  });
  const draining = leaving.drain(10_000);
  await eventually(() => expect(taken).toHaveLength(250));
  release();
  await expect(draining).resolves.toBe(true);
  expect(taken.filter(({ early }) => early)).toEqual([]);
  const handled = [...started, ...taken].map(({ id }) => id);
  expect(new Set(handled).size).toBe(300);
  expect(handled).toHaveLength(300);
  await expectAllSettled(staying);
});

test('draining ends at its deadline, and what still runs is handed to the next consumer', async () => {
  const { handler, started, release } = heldHandler();
  const runner = await world.consume('orders', handler);
  const { id } = await schedule('slow');
  await eventually(() => expect(started).toHaveLength(1));
  await expect(runner.drain(20)).resolves.toBe(false);
  const left = await world.drainQueue('orders', 1);
  expect(left.map(({ properties }) => properties.messageId)).toEqual([id]);
  release();
});

test('a queue that is deleted and declared again is consumed again', async () => {
  let handled = 0;
  const runner = await world.consume('orders', async () => {
    handled++;
    return done;
  });
  const channel = await (await world.connect()).model.createChannel();
  const queue = world.topology.queues.find(({ name }) => name === 'orders');
  await channel.deleteQueue('orders');
  await eventually(() => expect(runner.active()).toBe(false));
  await channel.assertQueue('orders', { arguments: queue?.arguments });
  await channel.bindQueue('orders', 'delay.due', '*.*.orders');
  await eventually(() => expect(runner.active()).toBe(true));
  await schedule('again');
  await eventually(() => expect(handled).toBe(1));
});

test('what went well is logged apart from the rest', async () => {
  const messageLogger = recordedLog();
  const outcomes = { well: done, badly: reject('no'), later: retry('not yet') };
  await world.consume('orders', async ({ payload }) => outcomes[payload as keyof typeof outcomes], {
    messageLogger,
    retryPolicy: { ...quickly, maxAttempts: 2 },
  });
  for (const payload of Object.keys(outcomes)) await schedule(payload);
  await world.drainQueue('orders.parked', 2);
  await eventually(() => expect(messageLogger.lines).toHaveLength(1));
  expect(messageLogger.lines).toEqual([expect.objectContaining({ level: 'info', event: 'handled' })]);
  const events = world.log.lines.map(({ event }) => event);
  expect(events.filter((event) => /handled|retried|parked/.test(event)).sort()).toEqual([
    'parked',
    'parked',
    'retried',
  ]);
});
