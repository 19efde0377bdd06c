/**
 * From one broker to another with everything running as processes. With RABBITMQ_SERVER set, the old broker is the
 * RabbitMQ that is installed and the new one is that; else they are two vhosts of one node.
 */
import { rmSync } from 'node:fs';
import { lastOffset } from '../../src/amqp/stream';
import { encodeMessage } from '../../src/message';
import { park } from '../../src/parking';
import { PLACES } from '../../src/transfer/places';
import { messageKey } from '../../src/verdicts/entry';
import { earlyOnes, eventsOf, keepEvents, type OrderExpired } from '../broker/events';
import { eventually } from '../broker/eventually';
import { startTestNode } from '../broker/node';
import { post, type Service, startService } from '../broker/service';
import { createWorld, type World } from '../broker/world';

const COPIED = 'transfer: the streams are copied, the messages follow';

let node: Awaited<ReturnType<typeof startTestNode>> | undefined;
let old: World;
let fresh: World;
const services: Service[] = [];

beforeAll(async () => {
  if (process.env.RABBITMQ_SERVER) node = await startTestNode(undefined, '');
  old = await createWorld(node);
  fresh = await createWorld();
  await keepEvents(fresh);
}, 120_000);

afterAll(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await old.close();
  await fresh.close();
  await node?.kill();
  if (node) rmSync(node.dataDir, { recursive: true, force: true });
});

const start = (...args: string[]) => {
  const [url, ...rest] = args;
  const service = startService(rest, { AMQP_URL: url, LOG_SAMPLE: '0' });
  services.push(service);
  return service;
};
const transfer = (...options: string[]) =>
  start(fresh.amqpUrl, 'transfer.js', '--from', old.amqpUrl, ...options);

/** Submits a thousand orders at a time, due within 8 to 28 s. */
async function fill(url: string, name: string, thousands: number): Promise<string[]> {
  const ids: string[] = [];
  for (let batch = 0; batch < thousands; batch++) {
    const messages = Array.from({ length: 1_000 }, (_, i) => ({
      to: 'orders',
      id: `${name}-${batch}-${i}`,
      payload: { order_id: `${name}-${batch}-${i}` },
      delay_ms: 8_000 + ((i * 37) % 20_000),
    }));
    const answer = await post(`${url}/v1/messages/batch`, messages);
    const { results } = (await answer.json()) as { results: { status: number }[] };
    expect(results.filter(({ status }) => status === 202)).toHaveLength(1_000);
    ids.push(...messages.map(({ id }) => id));
  }
  return ids;
}

const change = async (url: string, method: string, id: string, body?: object) => {
  const answer = await fetch(`${url}/v1/messages/${id}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return answer.status;
};

/** How many messages a broker has ready. */
async function waitingAt(world: World): Promise<number> {
  const channel = await (await world.connect()).model.createChannel();
  const counts = await Promise.all(PLACES.map(({ queue }) => channel.checkQueue(queue)));
  await channel.close();
  return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
}

test('everything moves under load and over a SIGKILL: none lost, none early, what is cancelled is not handled', async () => {
  const oldApi = start(old.amqpUrl, 'main.js', 'api');
  const oldUrl = await oldApi.url();
  const ids = await fill(oldUrl, 'old', 2);
  const cancelledThere = ids.slice(-610, -510);
  expect(await Promise.all(cancelledThere.map((id) => change(oldUrl, 'DELETE', id)))).toEqual(
    cancelledThere.map(() => 200),
  );
  // Of those that wait longest: there is time to move them, however slow the machine.
  const moved = ids.slice(-510, -460);
  const movedTo = Date.now() + 30_000;
  const deliver_at = new Date(movedTo).toISOString();
  expect(await Promise.all(moved.map((id) => change(oldUrl, 'PATCH', id, { deliver_at })))).toEqual(
    moved.map(() => 200),
  );
  await park({ publisher: old.publisher, clock: Date.now }, 'emails', encoded('parked'), {
    reason: 'rejected',
    error: 'for this test',
  });

  expect(await transfer('--streams').exited).toBe(0);
  const newUrl = await start(fresh.amqpUrl, 'main.js', 'api').url();
  await eventually(async () => expect((await fetch(`${newUrl}/readyz`)).status).toBe(200));
  // For a moment both take requests.
  const [late, fromNew] = await Promise.all([fill(oldUrl, 'late', 1), fill(newUrl, 'new', 1)]);
  expect(await oldApi.end()).toBe(0);

  const before = await waitingAt(fresh);
  const first = transfer();
  await first.logged(COPIED);
  // The wheel itself has a few in hand now and then.
  await eventually(async () => expect(await waitingAt(fresh)).toBeGreaterThan(before + 100));
  await first.end('SIGKILL');
  const second = transfer();
  await second.logged(COPIED);
  const cancelledHere = late.slice(-500, -450);
  const rightAfter = await Promise.all(cancelledHere.map((id) => change(newUrl, 'DELETE', id)));
  const dropped = new Set([...cancelledThere, ...cancelledHere.filter((_, i) => rightAfter[i] === 200)]);
  const consumer = start(fresh.amqpUrl, 'main.js', 'consumers', 'orders');
  expect(await second.exited).toBe(0);
  expect(second.log.at(-1)?.message).toMatch(/has nothing left, and no process of the service uses it$/);

  const expected = [...ids, ...late, ...fromNew].filter((id) => !dropped.has(id));
  const events: OrderExpired[] = [];
  await eventually(async () => {
    events.push(...(await eventsOf(fresh, 0)));
    const handled = new Set(events.map(({ order_id }) => order_id));
    expect(expected.filter((id) => !handled.has(id))).toEqual([]);
  }, 120_000);
  await consumer.end();
  expect(earlyOnes(events)).toEqual([]);
  expect(events.filter(({ order_id }) => dropped.has(order_id))).toEqual([]);
  const earlierThanMoved = events.filter(
    ({ order_id, handled_at }) => moved.includes(order_id) && Date.parse(handled_at) < movedTo,
  );
  expect(earlierThanMoved).toEqual([]);
  expect(await waitingAt(old)).toBe(0);
  expect(
    (await fresh.drainQueue('emails.parked', 1)).map(({ properties }) => properties.headers),
  ).toMatchObject([{ 'parked-reason': 'rejected', 'parked-error': 'for this test' }]);
  const known = await (await fetch(`${newUrl}/v1/messages/${moved[0]}`)).json();
  expect(known).toMatchObject({
    status: 'handled',
    timeline: [{ event: 'accepted' }, { event: 'rescheduled' }, { event: 'handled' }],
  });
}, 300_000);

test('what is copied already is not copied again', async () => {
  const { publisher } = old;
  const connection = await fresh.connect();
  expect(await transfer('--streams').exited).toBe(0);
  const content = Buffer.from(JSON.stringify({ kind: 'later', message: messageKey('x') }));
  await publisher.publish({
    exchange: 'delay.control',
    routingKey: '',
    content,
    properties: { messageId: 'x' },
  });
  const before = await lastOffset(connection, 'delay.control');
  expect(await transfer('--streams').exited).toBe(0);
  const after = await lastOffset(connection, 'delay.control');
  // The last window, of which a killed run may have written a part, and what is new.
  expect(after - before).toBeLessThanOrEqual(501);
});

test.each([
  ['without a broker to empty', [], /^transfer: --from is missing/],
  ['with something else', ['--from', 'http://localhost'], /^transfer: --from must be a URL such as amqp:/],
])('%s it says how it is used', async (_, args, message) => {
  const run = start(fresh.amqpUrl, 'transfer.js', ...args);
  expect(await run.exited).toBe(1);
  expect(run.stderr()).toMatch(message);
  expect(run.stderr()).toContain('usage: node dist/transfer.js');
});

test('a broker is not moved onto itself', async () => {
  const run = start(old.amqpUrl, 'transfer.js', '--from', old.amqpUrl);
  expect(await run.exited).toBe(1);
  expect(run.stderr()).toMatch(/^transfer: --from and --to are the same vhost of RabbitMQ at [\d.:]+\.\n$/);
});

test('a broker without the queues is not filled', async () => {
  const connection = await fresh.connect();
  const channel = await connection.model.createChannel();
  await channel.deleteQueue('delay.hold.9s');
  await channel.close();
  const run = transfer();
  expect(await run.exited).toBe(1);
  expect(run.stderr()).toMatch(/has no queue "delay\.hold\.9s"\. Run "npm run topology"/);
});

function encoded(id: string) {
  const now = Date.now();
  const payload = { email: 'ada@example.com' };
  return encodeMessage({ id, to: 'emails', payload, dueAt: now, acceptedAt: now, attempt: 1, delivery: id });
}
