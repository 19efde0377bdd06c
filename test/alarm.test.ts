/** A broker that is short of memory and takes no messages, with a node of this file's own. */
import { rmSync } from 'node:fs';
import { managementRequest } from '../dev/management';
import { earlyOnes, eventsOf, keepEvents } from './broker/events';
import { eventually } from './broker/eventually';
import { controlNode, startTestNode } from './broker/node';
import { post, type Service, startService } from './broker/service';
import { createWorld, type World } from './broker/world';
import { scriptedServer } from './consumers/calls/scripted-server';

let node: Awaited<ReturnType<typeof startTestNode>>;
let world: World;
const services: Service[] = [];

beforeAll(async () => {
  node = await startTestNode();
  world = await createWorld(node);
  await keepEvents(world);
}, 120_000);

afterAll(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await world.close();
  await node.kill();
  rmSync(node.dataDir, { recursive: true, force: true });
});

const start = (env: NodeJS.ProcessEnv, ...args: string[]) => {
  const service = startService(['main.js', ...args], { AMQP_URL: world.amqpUrl, ...env });
  services.push(service);
  return service;
};

/** Raises the alarm, or ends it, and waits until the node says so. */
async function setAlarm(on: boolean): Promise<void> {
  await controlNode(node, 'set_vm_memory_high_watermark', on ? '0.00001' : '0.4');
  await eventually(async () => {
    const [state] = (await managementRequest(node.managementUrl, 'GET', '/api/nodes')) as {
      mem_alarm: boolean;
    }[];
    expect(state?.mem_alarm).toBe(on);
  });
}

test('under a memory alarm the API refuses at once and says why; what waits is handled when it is over', async () => {
  const url = await start({}, 'api').url();
  const orderService = await scriptedServer();
  const consumer = start({ ORDER_CALLBACK_URL: `http://${orderService.host}/` }, 'consumers', 'orders');
  await consumer.logged('consuming');
  const submit = (order_id: string, delay_ms = 0) =>
    post(`${url}/v1/messages`, { to: 'orders', payload: { order_id }, delay_ms });
  const before = Array.from({ length: 12 }, (_, i) => `before-${i}`);
  const accepted = await Promise.all(before.map((order_id) => submit(order_id, 8_000)));
  expect(accepted.map(({ status }) => status)).toEqual(before.map(() => 202));

  await setAlarm(true);
  const first = await submit('first');
  expect([first.status, first.headers.get('Retry-After')]).toEqual([503, '1']);
  for (let i = 0; i < 10; i++) {
    const askedAt = Date.now();
    const refused = await submit(`refused-${i}`);
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '1']);
    expect(Date.now() - askedAt).toBeLessThan(1_000);
    expect(await refused.json()).toMatchObject({
      type: 'urn:delay-broker:problem:broker-unavailable',
      detail: expect.stringContaining('short of memory or disk'),
    });
  }
  const readiness = await fetch(`${url}/readyz`);
  expect(readiness.status).toBe(503);
  expect(await readiness.json()).toMatchObject({
    detail: expect.stringContaining('short of memory or disk'),
  });
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  // The orders come due, and their events cannot be published.
  await eventually(() => {
    const unsettled = consumer.log.filter(({ message }) => message === 'not settled yet');
    expect(new Set(unsettled.map(({ messageId }) => messageId)).size).toBe(before.length);
  }, 60_000);

  await setAlarm(false);
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  await eventually(async () => expect((await submit('after')).status).toBe(202));
  const handled = new Map<string, Awaited<ReturnType<typeof eventsOf>>[number]>();
  await eventually(async () => {
    for (const event of await eventsOf(world, 0)) handled.set(event.order_id, event);
    expect([...handled.keys()]).toEqual(expect.arrayContaining([...before, 'after']));
  }, 30_000);
  expect([...handled.keys()].filter((order_id) => order_id.startsWith('refused'))).toEqual([]);
  expect(earlyOnes([...handled.values()])).toEqual([]);
  const asked = orderService.received.map(({ body }) => JSON.parse(body).order_id);
  expect(asked.sort()).toEqual([...new Set(asked)].sort());
  await orderService.close();
  await expect(Promise.all(services.map((service) => service.end()))).resolves.toEqual([0, 0]);
  // Nothing but the log: Node.js would warn here of a leak where many wait for the same signal.
  expect(services.map((service) => service.stderr())).toEqual(['', '']);
}, 180_000);
