import { bootstrap } from '../src/bootstrap';
import { DUE_EXCHANGE, ENTRY_EXCHANGE, UNROUTABLE } from '../src/topology';
import { type TopologyWatch, watchTopology } from '../src/topology-watch';
import { eventually } from './broker/eventually';
import { createWorld, type World } from './broker/world';

let world: World;
let watch: TopologyWatch;

beforeEach(async () => {
  world = await createWorld();
});
afterEach(async () => {
  watch.close();
  await world.close();
});

async function start() {
  const connection = await world.connect();
  const { topology, log: logger } = world;
  const used = topology.queues.map(({ name }) => name);
  watch = watchTopology({ connection, topology, used, everyMs: 50, logger });
  return connection;
}
const logged = (event: string) => world.log.lines.filter((line) => line.event === event);

test('a queue that is deleted while everything runs is named, until the bootstrap has declared it anew', async () => {
  const connection = await start();
  const channel = await connection.model.createChannel();
  await eventually(async () => {
    await channel.deleteQueue('delay.hold.3s');
    expect(logged('topology damaged').length).toBeGreaterThan(1);
  });
  expect(logged('topology damaged')[0]?.error).toMatch(
    /^RabbitMQ at [\d.:]+ has no queue "delay\.hold\.3s"\. Run "npm run topology"/,
  );
  expect(watch.damaged()).toBe(true);
  await bootstrap(connection, world.topology);
  await eventually(() => expect(logged('topology whole again')).toHaveLength(1));
  expect(watch.damaged()).toBe(false);
});

test('a queue with other arguments is named with both at once, until it is as it should be', async () => {
  const channel = await (await world.connect()).model.createChannel();
  const right = world.topology.queues.find(({ name }) => name === 'delay.hold.3s');
  await channel.deleteQueue('delay.hold.3s');
  await channel.assertQueue('delay.hold.3s', { arguments: { ...right?.arguments, 'x-message-ttl': 300 } });
  const connection = await start();
  await eventually(() =>
    expect(logged('topology damaged')[0]?.error).toMatch(
      /differs from what is needed: queue delay\.hold\.3s: x-message-ttl has 300, should have 3000\. "npm run topology"/,
    ),
  );
  await channel.deleteQueue('delay.hold.3s');
  await bootstrap(connection, world.topology);
  await eventually(() => expect(watch.damaged()).toBe(false));
  expect(logged('topology whole again')).toHaveLength(1);
});

test('a binding that is removed shows by what becomes unroutable, and how to mend that is said', async () => {
  const connection = await start();
  const channel = await connection.model.createChannel();
  await channel.unbindQueue('orders', DUE_EXCHANGE, '*.*.*.*.*.*.*.*.orders');
  await world.publisher.publish({
    exchange: ENTRY_EXCHANGE,
    routingKey: '0.0.0.0.0.0.0.0.orders',
    content: Buffer.alloc(0),
    properties: { messageId: 'm' },
  });
  await eventually(() => expect(logged('messages are unroutable').length).toBeGreaterThan(0));
  expect(logged('messages are unroutable')[0]).toMatchObject({
    messages: 1,
    error: expect.stringContaining(`/v1/parked/${UNROUTABLE}/redrive`),
  });
  expect(watch.damaged()).toBe(false);
});
