import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bootstrap, requireTopology } from '../src/bootstrap';
import { delayTopology } from '../src/topology';
import { WHEEL } from '../src/wheel';
import { createWorld, type World } from './broker/world';

interface Binding {
  source: string;
  destination: string;
  routing_key: string;
}

/** Topic matching as AMQP 0-9-1 defines it, for patterns whose only `#` is the last word. */
function takes(pattern: string, key: string): boolean {
  const words = key.split('.');
  const steps = pattern.split('.');
  const open = steps.at(-1) === '#';
  if (open ? words.length < steps.length - 1 : words.length !== steps.length) return false;
  return steps.every((step, i) => step === '#' || step === '*' || step === words[i]);
}

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

test('every digit of every unit reaches its queue and no other, from every exchange on the way', async () => {
  const bindings = (await world.look<Binding[]>('bindings')).filter(({ source }) => source !== '');
  const exchanges = ['delay.in', ...WHEEL.slice(1).map(({ name }) => `delay.level.${name}`)];
  let checked = 0;
  for (const [from, exchange] of exchanges.entries()) {
    for (const [to, level] of WHEEL.entries()) {
      for (let digit = 1; to >= from && digit <= level.digits; digit++) {
        // Coarser digits are whatever they were when they were spent; finer ones are still to come.
        const key = [
          ...WHEEL.map((_, i) => (i < from ? 3 : i === to ? digit : i > to ? 5 : 0)),
          'orders',
        ].join('.');
        const reached = bindings.filter(
          ({ source, routing_key }) => source === exchange && takes(routing_key, key),
        );
        const queue = `delay.hold.${level.name.replace(/\d+/, (unit) => String(Number(unit) * digit))}`;
        expect(reached.map(({ destination }) => destination)).toEqual([queue]);
        checked++;
      }
    }
    const spent = [...WHEEL.map((_, i) => (i < from ? 3 : 0)), 'orders'].join('.');
    const reached = bindings.filter(
      ({ source, routing_key }) => source === exchange && takes(routing_key, spent),
    );
    expect(reached.map(({ destination }) => destination)).toEqual(['delay.due']);
  }
  expect(checked).toBe(1038);
});

test('each holding queue keeps its messages safely for its own time and passes them on to the next finer level', async () => {
  const queues = await world.look<{ name: string; arguments: Record<string, unknown> }[]>('queues');
  const holding = queues.filter(({ name }) => name.startsWith('delay.hold.'));
  expect(holding).toHaveLength(180);
  expect(holding.find(({ name }) => name === 'delay.hold.30m')?.arguments).toEqual({
    'x-queue-type': 'quorum',
    'x-queue-leader-locator': 'balanced',
    'x-message-ttl': 1_800_000,
    'x-dead-letter-exchange': 'delay.level.1s',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  });
  expect(holding.find(({ name }) => name === 'delay.hold.900ms')?.arguments).toMatchObject({
    'x-message-ttl': 900,
    'x-dead-letter-exchange': 'delay.due',
  });
});

test('a second run declares nothing new', async () => {
  expect(await bootstrap(await world.connect(), delayTopology())).toMatch(
    /16 exchanges \(0 new\), 197 queues \(0 new\) and 1063 bindings/,
  );
});

describe('on a broker that has something else', () => {
  let other: World;
  beforeEach(async () => {
    other = await createWorld({ wheel: [], targets: [] });
    const channel = await (await other.connect()).model.createChannel();
    const right = delayTopology().queues.find(({ name }) => name === 'delay.hold.30m');
    await channel.assertQueue('delay.hold.30m', { arguments: { ...right?.arguments, 'x-message-ttl': 5 } });
    await channel.assertQueue('orders.parked', { arguments: { 'x-queue-type': 'classic' } });
    await channel.assertExchange('delay.level.1s', 'fanout');
    await channel.close();
  });
  afterEach(() => other.close());

  test('npm run topology names each, has and should have, changes nothing and exits with 1', async () => {
    const before = await other.look<{ name: string }[]>('queues');
    const { status, stderr } = spawnSync('node', [join(__dirname, '../dist/topology.js')], {
      env: { ...process.env, AMQP_URL: other.amqpUrl },
      encoding: 'utf8',
    });
    expect(stderr).toContain('queue delay.hold.30m: x-message-ttl has 5, should have 1800000');
    expect(stderr).toContain('queue orders.parked: x-queue-type has classic, should have quorum');
    expect(stderr).toContain('exchange delay.level.1s: type has fanout, should have topic');
    expect(status).toBe(1);
    const after = await other.look<{ name: string }[]>('queues');
    expect(after.map(({ name }) => name).sort()).toEqual(before.map(({ name }) => name).sort());
  });
});

test('a process that may not declare says what is missing and which command declares it', async () => {
  const connection = await world.connect();
  const channel = await connection.model.createChannel();
  await channel.deleteQueue('delay.hold.58s');
  await channel.deleteQueue('delay.hold.59s');
  await expect(requireTopology(connection, delayTopology())).rejects.toThrow(
    /has no queue "delay\.hold\.5[89]s" and 1 more\. Run "npm run topology"/,
  );
  expect(await bootstrap(connection, delayTopology())).toContain('197 queues (2 new)');
  await expect(requireTopology(connection, delayTopology())).resolves.toBeUndefined();
});

test('a broker older than 3.10 is refused before anything is declared', async () => {
  const old = { ...(await world.connect()), version: () => '3.9.29' };
  await expect(bootstrap(old, delayTopology())).rejects.toThrow('RabbitMQ 3.9.29 at 127.0.0.1');
});
