/** A broker that goes away and comes back, with a node of this file's own. */
import { rmSync } from 'node:fs';
import type { PrivateBroker } from '../dev/private-broker';
import { earlyOnes, eventsOf, keepEvents } from './broker/events';
import { eventually } from './broker/eventually';
import { startTestNode } from './broker/node';
import { post, type Service, startService } from './broker/service';
import { createWorld, type World } from './broker/world';

/** A node that was killed recovers its queues, and connections are tried again every few seconds. */
const RECOVERY_MS = 60_000;

let node: Awaited<ReturnType<typeof startTestNode>>;
let running: PrivateBroker;
let world: World;
let services: Service[] = [];

beforeAll(async () => {
  node = await startTestNode();
  running = node;
  world = await createWorld(node);
  await keepEvents(world);
}, 120_000);

afterAll(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await world.close();
  await running.kill();
  rmSync(node.dataDir, { recursive: true, force: true });
});

const start = (args: string[], env: NodeJS.ProcessEnv = {}) => {
  const service = startService(['main.js', ...args], {
    ...{ AMQP_URL: world.amqpUrl, CONFIRM_TIMEOUT_MS: '10000' },
    ...env,
  });
  services.push(service);
  return service;
};

test.each(['stop', 'kill'] as const)(
  'after a %s of the broker every accepted message is handled, none early, and until then the API says 503',
  async (way) => {
    const url = await start(['api']).url();
    const consumer = start(['consumers', 'orders']);
    await consumer.logged('consuming');
    const submit = (order_id: string, delayMs: number) =>
      post(`${url}/v1/messages`, {
        to: 'orders',
        payload: { order_id, expire_minutes: 0 },
        delay_ms: delayMs,
      });
    const orderIds = Array.from({ length: 120 }, (_, i) => `${way}-${i}`);
    const answers = await Promise.all(orderIds.map((order_id, i) => submit(order_id, i * 100)));
    expect(answers.map(({ status }) => status)).toEqual(orderIds.map(() => 202));

    await running[way]();
    const askedAt = Date.now();
    const refused = await submit('too late', 0);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Retry-After')).toBe('1');
    expect(Date.now() - askedAt).toBeLessThan(2_000);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/livez`)).status).toBe(200);

    running = await node.restart();
    await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), RECOVERY_MS);
    await eventually(async () => expect((await submit(`${way}-after`, 0)).status).toBe(202), RECOVERY_MS);
    const handled = new Map<string, { due_at: string; handled_at: string; order_id: string }>();
    await eventually(async () => {
      for (const event of await eventsOf(world, 0)) handled.set(event.order_id, event);
      expect([...handled.keys()]).toEqual(expect.arrayContaining([...orderIds, `${way}-after`]));
    }, RECOVERY_MS);
    expect(earlyOnes([...handled.values()])).toEqual([]);
    await Promise.all(services.map((service) => service.end()));
    services = [];
  },
  240_000,
);

test('a container role that starts before the broker waits for it', async () => {
  await running.kill();
  const consumer = start(['consumers', 'orders'], { CONNECT_WAIT_MS: '60000' });
  await consumer.logged('not connected yet');
  running = await node.restart();
  await consumer.logged('consuming');
  await expect(consumer.end()).resolves.toBe(0);
}, 120_000);
