/** Schedules as their users meet them: real processes, over HTTP, some of which are killed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './broker/eventually';
import { post, type Service, startService } from './broker/service';
import { createWorld, type World } from './broker/world';

const RUNS = 'runs';
/** A run is a message in the queue `runs`, whose id says what time it stands for. None may be left out on a slow machine. */
const SECONDLY = {
  every: '1s',
  catch_up: 'all',
  to: 'relay',
  payload: { exchange: '', routing_key: RUNS, content: 'run' },
};

let world: World;
let services: Service[];
beforeEach(async () => {
  services = [];
  runs = [];
  world = await createWorld();
  const channel = await (await world.connect()).model.createChannel();
  await channel.assertQueue(RUNS);
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await world.close();
});

const start = (args: string[], env: NodeJS.ProcessEnv = {}): Service => {
  const service = startService(['main.js', ...args], { AMQP_URL: world.amqpUrl, ...env });
  services.push(service);
  return service;
};

const put = async (url: string, name: string, definition: object): Promise<Response> =>
  fetch(`${url}/v1/schedules/${name}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(definition),
  });

interface Shown {
  readonly status: string;
  readonly created_at: string;
  readonly last_runs: { at: string; id: string }[];
}
const look = async (url: string, name: string): Promise<Shown> =>
  (await fetch(`${url}/v1/schedules/${name}`)).json() as Promise<Shown>;

/** Ids of the runs so far, in the order in which they came. */
let runs: string[];
const collect = async (): Promise<string[]> => {
  const taken = await world.drainQueue(RUNS, 0);
  runs.push(...taken.map(({ properties }) => String(properties.messageId)));
  return runs;
};
const ofSchedule = (name: string) => runs.filter((id) => id.startsWith(`schedule:${name}:`));
const untilRuns = (name: string, count: number) =>
  eventually(async () => {
    await collect();
    expect(new Set(ofSchedule(name)).size).toBeGreaterThanOrEqual(count);
  }, 40_000);

/** The times of a schedule's runs, each once, in order. */
const timesOf = (name: string): number[] =>
  [...new Set(ofSchedule(name))]
    .map((id) => Date.parse(id.slice(`schedule:${name}:`.length)))
    .sort((a, b) => a - b);

/** Every second from the first time to the last, which is what must have been run. */
const everySecond = (times: readonly number[]): number[] => {
  const [first = 0] = times;
  const last = times.at(-1) ?? first;
  return Array.from({ length: (last - first) / 1_000 + 1 }, (_, i) => first + i * 1_000);
};

test('one run for each tick, while one after another of three consumer processes is killed', async () => {
  const url = await start(['api']).url();
  let consumers = [start(['consumers']), start(['consumers']), start(['consumers'])];
  await Promise.all(consumers.map((consumer) => consumer.logged('consuming', { to: 'ticks' })));
  expect((await put(url, 'secondly', SECONDLY)).status).toBe(201);
  await untilRuns('secondly', 2);
  const kills = 4;
  for (let killed = 0; killed < kills; killed++) {
    const hasTicked = ({ log }: Service) => log.some(({ message }) => message === 'schedule runs');
    const active = consumers.find(hasTicked) ?? consumers[0];
    await active?.end('SIGKILL');
    consumers = [...consumers.filter((consumer) => consumer !== active), start(['consumers'])];
    await untilRuns('secondly', timesOf('secondly').length + 3);
  }
  const times = timesOf('secondly');
  expect(times).toEqual(everySecond(times));
  // Whoever is killed between a step and its acknowledgement leaves it to be repeated, under the same id.
  expect(ofSchedule('secondly').length - times.length).toBeLessThanOrEqual(2 * kills);
}, 240_000);

test('put fifty times at once by two APIs, with a run at startup, each time is run once', async () => {
  const [url, otherUrl] = await Promise.all([start(['api']).url(), start(['api']).url()]);
  await start(['consumers']).logged('consuming', { to: 'ticks' });
  const definition = { ...SECONDLY, run_at_startup: true };
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => put(i % 2 ? url : otherUrl, 'secondly', definition)),
  );
  // At most one of each process wrote it; whoever was second may be told that the other one stands.
  expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
  expect(answers.filter(({ status }) => ![200, 201].includes(status))).toEqual([]);
  await untilRuns('secondly', 5);
  const { created_at } = await look(url, 'secondly');
  const [startup, ...times] = timesOf('secondly');
  expect(startup).toBe(Date.parse(created_at));
  expect(times).toEqual(everySecond(times));
  expect(times[0]).toBe(Math.floor(Date.parse(created_at) / 1_000) * 1_000 + 1_000);
  expect(new Set(runs).size).toBe(runs.length);
}, 120_000);

test('paused it runs no more, resumed it goes on, run now runs it beside, deleted it is gone', async () => {
  const url = await start(['all']).url();
  await put(url, 'secondly', SECONDLY);
  await untilRuns('secondly', 2);
  expect((await put(url, 'secondly', { ...SECONDLY, paused: true })).status).toBe(200);
  const pausedAt = Date.now();
  // What is published already, two seconds ahead, still runs.
  const rest = await eventually(async () => {
    await collect();
    const { last_runs } = await look(url, 'secondly');
    const published = last_runs.map(({ id }) => id);
    expect(ofSchedule('secondly')).toEqual(expect.arrayContaining(published));
    expect(Date.now()).toBeGreaterThan(pausedAt + 3_500);
    return timesOf('secondly');
  });
  expect(rest.filter((time) => time > pausedAt + 2_500)).toEqual([]);

  const now = await post(`${url}/v1/schedules/secondly/run-now`, {});
  expect(now.status).toBe(202);
  const { id } = (await now.json()) as { id: string };
  await eventually(async () => expect(await collect()).toContain(id));
  expect(timesOf('secondly')).toEqual(rest);

  const resumedAt = Date.now();
  await put(url, 'secondly', SECONDLY);
  await untilRuns('secondly', rest.length + 3);
  const resumed = timesOf('secondly').slice(rest.length);
  expect(resumed).toEqual(everySecond(resumed));
  expect(resumed[0]).toBeGreaterThan(resumedAt - 1_000);

  const deleted = await fetch(`${url}/v1/schedules/secondly`, { method: 'DELETE' });
  expect([deleted.status, await deleted.json()]).toEqual([200, { name: 'secondly', status: 'deleted' }]);
  expect((await fetch(`${url}/v1/schedules/secondly`)).status).toBe(404);
}, 120_000);

test('a run is a message like any other: listed by its schedule, and never early', async () => {
  const url = await start(['all']).url();
  await put(url, 'secondly', SECONDLY);
  await untilRuns('secondly', 3);
  await eventually(async () => {
    const answer = await fetch(`${url}/v1/messages?key=schedule:secondly&status=handled`);
    const { messages } = (await answer.json()) as { messages: { id: string; due_at: string }[] };
    expect(messages.length).toBeGreaterThan(1);
    expect(messages.map(({ id, due_at }) => id === `schedule:secondly:${due_at}`)).not.toContain(false);
  });
  const handled = services[0]?.log.filter(({ to, message }) => to === 'relay' && message === 'handled');
  expect(handled?.filter(({ lateMs }) => (lateMs as number) < 0)).toEqual([]);
}, 120_000);

test('a schedule of reports mails one', async () => {
  const outbox = mkdtempSync(join(tmpdir(), 'outbox-'));
  try {
    const url = await start(['all'], { OUTBOX_DIR: outbox }).url();
    const payload = { email: 'ann@example.com', timezone: 'Europe/Berlin' };
    const reports = { cron: '0 0 * * *', timezone: 'Europe/Berlin', to: 'reports', payload };
    expect((await put(url, 'daily', { ...reports, run_at_startup: true })).status).toBe(201);
    const file = await eventually(() => {
      const [only = '', ...others] = readdirSync(outbox);
      expect(others).toEqual([]);
      expect(only).toMatch(/^schedule%3Adaily%3A.*\.eml$/);
      return only;
    });
    expect(readFileSync(join(outbox, file), 'utf8')).toContain('To: ann@example.com');
  } finally {
    rmSync(outbox, { recursive: true });
  }
}, 120_000);

describe('SCHEDULES_FILE', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'schedules-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const deploy = async (content: string, env: NodeJS.ProcessEnv = {}) => {
    const path = join(folder, 'schedules.json');
    writeFileSync(path, content);
    const bootstrap = startService(['topology.js'], {
      ...{ AMQP_URL: world.amqpUrl, SCHEDULES_FILE: path },
      ...env,
    });
    services.push(bootstrap);
    const code = await bootstrap.exited;
    return { code, said: bootstrap.log.map(({ message }) => message), stderr: bootstrap.stderr() };
  };

  const SWEEP = {
    ...{ cron: '0 8,12,18 * * *', timezone: 'Europe/Berlin', run_at_startup: true },
    ...{ to: SECONDLY.to, payload: SECONDLY.payload },
  };

  test('is put at deploy: three runs a day and one at startup; the same again changes nothing', async () => {
    const first = await deploy(JSON.stringify({ 'orders-sweep': SWEEP }));
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.said.at(-1)).toBe('schedules: 1 put: orders-sweep (created)');
    const again = await deploy(JSON.stringify({ 'orders-sweep': SWEEP, other: { ...SWEEP, paused: true } }));
    expect(again.said.at(-1)).toBe('schedules: 2 put: orders-sweep (unchanged), other (created)');

    const url = await start(['all']).url();
    await untilRuns('orders-sweep', 1);
    const { created_at } = await look(url, 'orders-sweep');
    // Known once it is written down, after the run itself is on its way.
    await eventually(async () => {
      const { last_runs } = await look(url, 'orders-sweep');
      expect(last_runs.map(({ at }) => at)).toEqual([created_at]);
    });
    expect(runs).toEqual([`schedule:orders-sweep:${created_at}`]);
  }, 120_000);

  test('with REPORT_TO set the daily report is put beside, and paused where it is no longer set', async () => {
    const zone = { REPORT_TIMEZONE: 'Europe/Berlin' };
    const on = await deploy('{}', { ...zone, REPORT_TO: 'ann@example.com,bob@example.com' });
    expect(on.said.at(-1)).toBe('schedules: 1 put: daily-report (created)');
    const url = await start(['api']).url();
    const answer = await fetch(`${url}/v1/schedules/daily-report`);
    const { status, next_runs } = (await answer.json()) as { status: string; next_runs: string[] };
    expect(status).toBe('active');
    const hours = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', timeStyle: 'medium' });
    expect(next_runs.map((time) => hours.format(Date.parse(time)))).toEqual(Array(5).fill('00:00:00'));
    const off = await deploy('{}', zone);
    expect(off.said.at(-1)).toBe('schedules: 1 put: daily-report (changed)');
    expect((await look(url, 'daily-report')).status).toBe('paused');
  }, 120_000);

  test.each<[string, string, string]>([
    ['no JSON', '{', 'cannot be read: '],
    ['no object', '[]', 'must have a JSON object: schedules by name'],
    [
      'wrong schedules',
      JSON.stringify({ a: { ...SWEEP, cron: '0 25 * * *' }, 'b c': SWEEP, d: { ...SWEEP, payload: {} } }),
      'd.payload.exchange: ',
    ],
  ])('with %s it is not put at all, and the bootstrap says why', async (_, content, why) => {
    const { code, said, stderr } = await deploy(content);
    expect([code, said]).toEqual([1, []]);
    expect(stderr).toMatch(/^topology: SCHEDULES_FILE \/.*schedules\.json /);
    expect(stderr).toContain(why);
  });
});
