import { BrokerUnavailableError } from '../../src/errors';
import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { idDueAt } from '../../src/message';
import { TICK_LEAD_MS } from '../../src/schedules/plan';
import { type Api, ID, inShort, NOW, OPEN, problemIn, startApi } from './api';

const SWEEP = { cron: '0 8,12,18 * * *', to: 'orders', payload: { order_id: 'sweep' } };
const DEFAULTS = { timezone: 'UTC', run_at_startup: false, catch_up: 'last', paused: false };
const PATH = '/v1/schedules/orders-sweep';
const iso = (time: number) => new Date(time).toISOString();

let api: Api;
let now: number;
let failure: Error | undefined;
beforeEach(async () => {
  now = NOW;
  failure = undefined;
  api = await startApi({
    clock: () => now,
    before: () => {
      if (failure) throw failure;
    },
  });
});
afterEach(() => api.close());

test('a schedule is put, shown with its next five runs, and its first tick is published', async () => {
  const { status, body } = await api.put(PATH, SWEEP);
  const shown = {
    ...{ name: 'orders-sweep', status: 'active', ...SWEEP, ...DEFAULTS },
    ...{ created_at: iso(NOW), updated_at: iso(NOW), last_runs: [] },
    next_runs: ['20T18', '21T08', '21T12', '21T18', '22T08'].map((at) => `2026-11-${at}:00:00.000Z`),
  };
  expect([status, body]).toEqual([201, shown]);
  expect((await api.request(PATH)).body).toEqual(shown);
  expect((await api.request('/v1/schedules')).body).toEqual({ schedules: [shown] });
  const at = Date.parse('2026-11-20T18:00:00Z');
  expect(api.scheduled).toEqual([
    {
      to: 'ticks',
      payload: { name: 'orders-sweep', revision: expect.stringMatching(ID), at },
      dueAt: at - TICK_LEAD_MS,
    },
  ]);
});

test('the same again changes nothing, and another definition takes its place', async () => {
  await api.put(PATH, SWEEP);
  now += 60_000;
  const again = await api.put(PATH, { ...SWEEP, timezone: 'UTC' });
  expect([again.status, again.body.updated_at]).toEqual([200, iso(NOW)]);
  expect([api.schedules.written.length, api.scheduled.length]).toEqual([1, 1]);
  const changed = await api.put(PATH, { ...SWEEP, paused: true });
  expect([changed.status, changed.body]).toMatchObject([
    200,
    { status: 'paused', created_at: iso(NOW), updated_at: iso(now), next_runs: [] },
  ]);
  expect(api.scheduled).toHaveLength(1);
});

test('what was put and whose tick could not be published is ticked when it is put again', async () => {
  const soon = { ...SWEEP, cron: '*/5 * * * *' };
  failure = new BrokerUnavailableError('RabbitMQ at mq is not reachable.');
  expect(problemIn(await api.put(PATH, soon))).toBe('503 broker-unavailable');
  failure = undefined;
  expect((await api.put(PATH, soon)).status).toBe(200);
  expect(api.scheduled).toHaveLength(2);
});

test('with run_at_startup its first tick is for now', async () => {
  const { body } = await api.put(PATH, { ...SWEEP, run_at_startup: true });
  expect((body.next_runs as string[]).slice(0, 2)).toEqual([iso(NOW), '2026-11-20T18:00:00.000Z']);
  expect(api.scheduled).toMatchObject([{ payload: { at: NOW } }]);
});

test('of two that are put at the same instant one stands, and the other is told so', async () => {
  const other = await startApi({
    // Another process writes after this one, and before it has read its own.
    beforeSchedule: (entry) => other.schedules.note({ ...entry, revision: `${entry.revision}Z` } as never),
  });
  expect((await other.put(PATH, SWEEP)).status).toBe(201);
  const rival = await startApi({
    beforeSchedule: (entry) =>
      rival.schedules.note({ ...entry, revision: `${entry.revision}Z`, definition: null } as never),
  });
  expect(problemIn(await rival.put(PATH, SWEEP))).toBe('409 in-progress');
  await Promise.all([other.close(), rival.close()]);
});

test('what was run is shown with the ids of its messages', async () => {
  await api.put(PATH, SWEEP);
  const { revision } = api.schedules.written[0] as { revision: string };
  const at = Date.parse('2026-11-20T18:00:00Z');
  api.schedules.note({ kind: 'ticked', name: 'orders-sweep', revision, at, runs: [at] });
  const { body } = await api.request(PATH);
  expect(body.last_runs).toEqual([{ at: iso(at), id: `schedule:orders-sweep:${iso(at)}` }]);
  expect((body.next_runs as string[])[0]).toBe('2026-11-21T08:00:00.000Z');
});

test('what has had its last run has ended', async () => {
  const { body } = await api.put(PATH, { ...SWEEP, ends_at: '2026-11-20T11:00:00Z' });
  expect([body.status, body.next_runs]).toEqual(['ended', []]);
  expect(api.scheduled).toEqual([]);
});

test('a deleted schedule is gone, and put again it is a new one', async () => {
  await api.put(PATH, SWEEP);
  const { status, body } = await api.delete(PATH);
  expect([status, body]).toEqual([200, { name: 'orders-sweep', status: 'deleted' }]);
  expect(problemIn(await api.request(PATH))).toBe('404 unknown-schedule');
  expect(problemIn(await api.delete(PATH))).toBe('404 unknown-schedule');
  now += 1_000;
  const again = await api.put(PATH, SWEEP);
  expect([again.status, again.body.created_at]).toEqual([201, iso(now)]);
});

test('run now accepts a message beside the schedule, also while it is paused', async () => {
  await api.put(PATH, { ...SWEEP, paused: true });
  const { status, headers, body } = await api.post(`${PATH}/run-now`, {});
  expect([status, body]).toEqual([
    202,
    { id: expect.stringMatching(ID), to: 'orders', status: 'scheduled', due_at: iso(NOW) },
  ]);
  expect(headers.get('Location')).toBe(`/v1/messages/${body.id}`);
  expect(api.scheduled).toMatchObject([{ to: 'orders', payload: SWEEP.payload, dueAt: NOW }]);
  const listed = await api.request('/v1/messages?key=schedule:orders-sweep');
  expect(listed.body.messages).toMatchObject([{ id: body.id }]);
});

test.each<[string, object, string[]]>([
  ['an hour that is none', { cron: '0 25 * * *' }, ['body.cron invalid_value']],
  ['30 February', { cron: '0 0 30 2 *' }, ['body.cron invalid_value']],
  ['a zone that does not exist', { timezone: 'Mars/Olympus_Mons' }, ['body.timezone invalid_value']],
  ['an unknown target', { to: 'nowhere' }, ['body.to invalid_value']],
  ['ticks as a target', { to: 'ticks', payload: {} }, ['body.to invalid_value']],
  [
    'an end before the beginning',
    { starts_at: '2026-12-02T00:00:00Z', ends_at: '2026-12-01T00:00:00Z' },
    ['body.ends_at invalid_value'],
  ],
  [
    'a zone that does not exist, with beginning and end',
    { timezone: 'Mars/Olympus_Mons', starts_at: '2026-12-01T00:00:00Z', ends_at: '2026-12-02T00:00:00Z' },
    ['body.timezone invalid_value'],
  ],
  ['neither cron nor every', { cron: undefined }, ['body.cron invalid_value']],
  ['both', { every: '1h' }, ['body.every invalid_value']],
  [
    'another payload than its target takes',
    { payload: { order_id: 7 } },
    ['body.payload.order_id wrong_type'],
  ],
  [
    'an unknown template',
    { to: 'emails', payload: { email: 'ann@example.com', template: 'x' } },
    ['body.payload.template invalid_value'],
  ],
  ['no payload', { payload: undefined }, ['body.payload missing']],
  ['an unknown field', { moon: 'full' }, ['body.moon unknown_field']],
])('%s is refused, and nothing is written', async (_, change, expected) => {
  const { status, body } = await api.put(PATH, { ...SWEEP, ...change });
  expect([status, body.detail.map(inShort)]).toEqual([422, expected]);
  expect(api.schedules.written).toEqual([]);
});

test.each(['a b', 'ä', 'a:b', 'x'.repeat(65)])('the name "%s" is refused', async (name) => {
  const { status, body } = await api.put(`/v1/schedules/${encodeURIComponent(name)}`, SWEEP);
  expect(status).toBe(422);
  expect(body.detail.map(({ loc }) => loc)).toContainEqual(['path', 'name']);
});

test('one that this version cannot read is shown as broken, and can be deleted or put anew', async () => {
  const definition = { ...SWEEP, moon: 'full' };
  const broken = { name: 'orders-sweep', revision: idDueAt(NOW), createdAt: NOW, putAt: NOW, definition };
  api.schedules.note({ kind: 'schedule', ...broken });
  await api.put('/v1/schedules/other', SWEEP);
  const { body } = await api.request('/v1/schedules');
  expect(body.schedules).toMatchObject([
    {
      name: 'orders-sweep',
      status: 'broken',
      definition,
      error: expect.stringContaining('moon'),
      next_runs: [],
    },
    { name: 'other', status: 'active' },
  ]);
  expect(problemIn(await api.post(`${PATH}/run-now`, {}))).toBe('409 broken-schedule');
  expect((await api.put(PATH, SWEEP)).body.status).toBe('active');
});

describe('a key bound to emails', () => {
  const { key, entry } = newApiKey('mailer', ['emails']);
  let bound: Api;
  const send = (method: string, path: string, body?: object) =>
    bound.request(path, {
      method,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      ...(body && { body: JSON.stringify(body) }),
    });
  beforeEach(async () => {
    bound = await startApi({ access: { ...OPEN, keys: parseApiKeys(entry) } });
    const theirs = {
      kind: 'schedule',
      name: 'orders-sweep',
      revision: idDueAt(NOW),
      createdAt: NOW,
      putAt: NOW,
    } as const;
    bound.schedules.note({ ...theirs, definition: { ...SWEEP, ...DEFAULTS } });
  });
  afterEach(() => bound.close());

  test.each<[string, string, object | undefined]>([
    ['GET', PATH, undefined],
    ['DELETE', PATH, undefined],
    ['POST', `${PATH}/run-now`, undefined],
    ['PUT', PATH, SWEEP],
    ['PUT', PATH, { ...SWEEP, to: 'emails', payload: { email: 'ann@example.com' } }],
  ])('may not %s %s', async (method, path, body) => {
    expect(problemIn(await send(method, path, body))).toBe('403 forbidden-target');
    expect(bound.schedules.written).toEqual([]);
  });

  test('sees and puts its own', async () => {
    const own = { ...SWEEP, to: 'emails', payload: { email: 'ann@example.com' } };
    expect((await send('PUT', '/v1/schedules/news', own)).status).toBe(201);
    const { body } = await send('GET', '/v1/schedules');
    expect((body.schedules as { name: string }[]).map(({ name }) => name)).toEqual(['news']);
  });
});
