/** Reports on what really happened: messages go through broker and consumers, and the ledger is read by time stamp. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardHandler } from '../../src/consumers/handler';
import { done, reject, retry } from '../../src/consumers/outcome';
import { createReportsHandler } from '../../src/consumers/reports';
import { ledgerPublication } from '../../src/ledger/recorder';
import { createLedgerView } from '../../src/ledger/view';
import { createMailer } from '../../src/mailer';
import { type Reporter, readLedgerOn, reporterBeside, reporterWithout } from '../../src/reports/report';
import { TARGETS } from '../../src/targets';
import { loadTemplates } from '../../src/templates';
import { type Changes, startChanges } from '../broker/changes';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

const clock = Date.now;
const HOUR_MS = 3_600_000;
/** Up to 44 hours, in fewer queues than the wheel in use has. */
const wheel = [10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100].map((unitMs, level) => ({
  name: `${unitMs}ms`,
  unitMs,
  digits: level === 0 ? 15 : 9,
}));

let world: World;
let api: Changes;
/** Of a process that follows the ledger, and of one that does not. */
let beside: Reporter;
let without: Reporter;

async function start(topology = {}): Promise<void> {
  world = await createWorld({ wheel, topology });
  api = await startChanges(world);
  const read = readLedgerOn(await world.connect('report'));
  beside = reporterBeside(api.ledger, { read, clock });
  const newView = () => createLedgerView({ limit: 100_000, idHoldMs: HOUR_MS, clock });
  without = reporterWithout(newView, { read, clock });
}
afterEach(async () => {
  await api.close();
  await world.close();
});

const accept = (to: string, payload: unknown, delayMs: number) =>
  api.accept({ to, payload, dueAt: clock() + delayMs, retry: { baseMs: 0, maxAttempts: 3 } });

/** Has of each kind of outcome some happen, and returns once the ledger has them all. */
async function letHappen(): Promise<void> {
  await world.consume('orders', async ({ payload, attempt }) => {
    if (payload === 'fails once' && attempt === 1) return retry('shop answered 500');
    if (payload === 'fails') return retry('shop answered 503');
    return payload === 'wrong' ? reject('no such order') : done;
  });
  await world.consume('emails', async () => done);
  for (const payload of ['good', 'good', 'fails once', 'fails', 'wrong']) await accept('orders', payload, 0);
  await accept('emails', 'good', 300);
  await accept('emails', 'soon', 90 * 60_000);
  await accept('relay', 'tomorrow', 30 * HOUR_MS);
  const { id } = await accept('emails', 'never', HOUR_MS);
  await api.cancel(id);
  const moved = await api.accept({
    ...{ to: 'orders', payload: 'good', dueAt: clock() + 40 * HOUR_MS },
    own: { id: 'moved', fingerprint: 'f' },
  });
  await api.reschedule(moved.id, clock() + 23.5 * HOUR_MS);
  await eventually(() => {
    const { orders, emails } = api.ledger.view().counts();
    expect(orders).toMatchObject({ handled: 3, parked: 2, scheduled: 1 });
    expect(emails).toMatchObject({ handled: 1, cancelled: 1, scheduled: 1 });
  });
}

const last24h = () => ({ from: clock() - 24 * HOUR_MS, to: clock() });

/** What the report on all that should say, as far as no clock decides. */
const COUNTS = {
  total: { accepted: 10, handled: 4, retried: 3, parked: 2, cancelled: 1 },
  orders: { accepted: 6, handled: 3, retried: 3, parked: 2, cancelled: 0 },
  emails: { accepted: 3, handled: 1, retried: 0, parked: 0, cancelled: 1 },
  relay: { accepted: 1, handled: 0, retried: 0, parked: 0, cancelled: 0 },
};

test.each([
  ['follows the ledger', () => beside],
  ['does not', () => without],
])('exactly what happened is counted, by a process that %s', async (_, reporter) => {
  await start();
  const before = clock();
  await letHappen();
  const { total, targets, reasons, pending, complete } = await reporter().report({ period: last24h() });
  expect({
    total: total.counts,
    orders: targets.orders?.counts,
    emails: targets.emails?.counts,
    relay: targets.relay?.counts,
  }).toEqual(COUNTS);
  expect(reasons.map(({ to, error, times }) => `${times} ${to} ${error}`).sort()).toEqual([
    '1 orders no such order',
    '1 orders shop answered 500',
    '3 orders shop answered 503',
  ]);
  expect(pending).toMatchObject({ messages: 2, targets: { emails: 1, orders: 1 } });
  expect([pending.hours[1], pending.hours[23]]).toEqual([1, 1]);
  expect(complete).toBe(true);
  // No handler began later than this test has been running.
  expect(total.lateness?.max).toBeLessThanOrEqual(clock() - before);
  expect(targets.relay?.lateness).toBeUndefined();

  const earlier = await reporter().report({ period: { from: before - HOUR_MS, to: before } });
  expect(earlier.total.counts.accepted).toBe(0);
  const one = await reporter().report({ period: last24h(), only: ['emails'] });
  expect([one.total.counts, Object.keys(one.targets)]).toEqual([COUNTS.emails, ['emails']]);
  expect(one.pending).toMatchObject({ messages: 1, targets: { emails: 1 } });
});

test('lateness does not contain how long a handler took', async () => {
  await start();
  const started: number[] = [];
  await world.consume('orders', async ({ dueAt }) => {
    const startedAt = clock();
    started.push(startedAt - dueAt);
    await eventually(() => expect(clock()).toBeGreaterThan(startedAt + 400));
    return done;
  });
  await accept('orders', 'slow', 100);
  await eventually(() => expect(api.ledger.view().counts().orders?.handled).toBe(1));
  const { total } = await beside.report({ period: last24h() });
  // The handler looks at the clock a moment after the consumer has.
  expect(total.lateness?.max).toBeLessThanOrEqual(started[0] as number);
});

test('where the ledger was cut off, a report says whether that concerns it', async () => {
  await start({ ledgerLimits: { maxBytes: 40_000, segmentBytes: 4_000 } });
  await accept('relay', 'waits', HOUR_MS);
  const at = clock();
  const handled = (i: number) => {
    const about = { id: `m${i}`, to: 'orders', delivery: `m${i}`, attempt: 1, dueAt: at };
    return world.publisher.publish(ledgerPublication({ ...about, kind: 'handled', at: at + i }));
  };
  for (let i = 0; i < 400; i += 10) await Promise.all(Array.from({ length: 10 }, (_, j) => handled(i + j)));
  for (const reporter of [beside, without]) {
    const all = await reporter.report({ period: { from: at - HOUR_MS, to: at + HOUR_MS } });
    expect(all.complete).toBe(false);
    expect(all.total.counts.handled).toBeLessThan(400);
    const late = await reporter.report({ period: { from: at + 390, to: at + HOUR_MS } });
    expect([late.complete, late.total.counts.handled]).toEqual([true, 10]);
  }
});

test('a report that comes due is mailed, with the numbers of its day', async () => {
  await start();
  await letHappen();
  const outboxDir = mkdtempSync(join(tmpdir(), 'delay-broker-test-'));
  const mailer = createMailer({ smtpUrl: undefined, from: 'Shop <shop@example.com>', outboxDir });
  const templates = loadTemplates(join(__dirname, '../../templates'));
  const options = { mailer, templates, to: ['ops@example.com'], timezone: 'UTC', logger: world.log };
  const handler = createReportsHandler({ ...options, reporter: without });
  await world.consume('reports', guardHandler(TARGETS.reports, handler, 30_000));
  const iso = (time: number) => new Date(time).toISOString();
  const { from, to } = last24h();
  const { id } = await accept('reports', { from: iso(from), to: iso(to) }, 0);
  await eventually(() => expect(api.ledger.view().get(id)?.status).toBe('handled'));
  const mail = readFileSync(join(outboxDir, `${id}.eml`), 'utf8');
  mailer.close();
  rmSync(outboxDir, { recursive: true });
  expect(mail).toMatch(/^To: ops@example\.com\r?$/m);
  expect(mail).toMatch(/^all +10 +4 +3 +2 +1\r?$/m);
});
