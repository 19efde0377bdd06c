/** Schedules over an outage of the broker, with a node of this file's own. */
import { rmSync } from 'node:fs';
import type { PrivateBroker } from '../dev/private-broker';
import { eventually } from './broker/eventually';
import { startTestNode } from './broker/node';
import { type Service, startService } from './broker/service';
import { createWorld, type World } from './broker/world';

const RUNS = 'runs';

let node: Awaited<ReturnType<typeof startTestNode>>;
let running: PrivateBroker;
let world: World;
let services: Service[] = [];

beforeAll(async () => {
  node = await startTestNode();
  running = node;
}, 120_000);
beforeEach(async () => {
  runs = [];
  world = await createWorld(node);
  const channel = await (await world.connect()).model.createChannel();
  await channel.assertQueue(RUNS, { durable: true });
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  services = [];
  await world.close();
});
afterAll(async () => {
  await running.kill();
  rmSync(node.dataDir, { recursive: true, force: true });
});

const start = (args: string[]) => {
  const service = startService(['main.js', ...args], { AMQP_URL: world.amqpUrl });
  services.push(service);
  return service;
};

const put = async (url: string, name: string, definition: object): Promise<number> => {
  const relayed = { exchange: '', routing_key: RUNS, content: name };
  const { status } = await fetch(`${url}/v1/schedules/${name}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ every: '1s', to: 'relay', payload: relayed, ...definition }),
  });
  return status;
};

/** Ids of the runs so far. */
let runs: string[];
/** The times of a schedule's runs, each once, in order. */
const timesOf = async (name: string): Promise<number[]> => {
  const taken = await world.drainQueue(RUNS, 0);
  runs.push(...taken.map(({ properties }) => String(properties.messageId)));
  const prefix = `schedule:${name}:`;
  const own = new Set(runs.filter((id) => id.startsWith(prefix)));
  return [...own].map((id) => Date.parse(id.slice(prefix.length))).sort((a, b) => a - b);
};
const untilRunAfter = (name: string, time: number) =>
  eventually(async () => expect((await timesOf(name)).at(-1)).toBeGreaterThan(time), 60_000);

const everySecond = ([first = 0, ...others]: readonly number[]): number[] =>
  Array.from({ length: ((others.at(-1) ?? first) - first) / 1_000 + 1 }, (_, i) => first + i * 1_000);

/** What failed as the broker went is tried again for a while. */
const untilNoneIsMissing = (name: string) =>
  eventually(async () => {
    const times = await timesOf(name);
    expect(times).toEqual(everySecond(times));
  }, 60_000);

test.each(['stop', 'kill'] as const)(
  'after a %s and a restart of the broker each time was run once, where all are made up for',
  async (way) => {
    const url = await start(['all']).url();
    expect(await put(url, 'all', { catch_up: 'all' })).toBe(201);
    await untilRunAfter('all', 0);
    await running[way]();
    running = await node.restart();
    await untilRunAfter('all', Date.now() + 3_000);
    await untilNoneIsMissing('all');
  },
  180_000,
);

test('with the broker down for ten runs, the last, none or all of them are made up for', async () => {
  const url = await start(['all']).url();
  for (const catch_up of ['last', 'none', 'all']) expect(await put(url, catch_up, { catch_up })).toBe(201);
  await untilRunAfter('last', 0);
  await untilRunAfter('none', 0);
  await untilRunAfter('all', 0);
  await running.kill();
  const downAt = Date.now();
  await eventually(() => expect(Date.now() - downAt).toBeGreaterThan(12_000), 20_000);
  running = await node.restart();
  const upAt = Date.now();
  for (const name of ['last', 'none', 'all']) await untilRunAfter(name, upAt + 2_000);

  /** Runs of times at which there was no broker; what is published, two seconds ahead, waits in it. */
  const missed = async (name: string) =>
    (await timesOf(name)).filter((time) => time > downAt + 2_500 && time < upAt - 1_000);
  await untilNoneIsMissing('all');
  expect((await missed('all')).length).toBeGreaterThanOrEqual(8);
  expect((await missed('last')).length).toBeLessThanOrEqual(1);
  expect((await missed('none')).length).toBeLessThanOrEqual(1);
}, 180_000);
