import { BrokerUnavailableError } from '../../src/errors';
import type { EntryKind, LedgerEntry } from '../../src/ledger/entry';
import type { Verdict } from '../../src/verdicts/entry';
import { type Api, ID, inShort, NOW, pathOf, problemIn, recordOutcome, startApi } from './api';

const MINUTE_MS = 60_000;
/** Where the tests' messages are due. */
const DUE = NOW + 30 * MINUTE_MS;

let now: number;
let beforeWriting: (what: LedgerEntry | Verdict) => void;
let api: Api;
beforeEach(async () => {
  now = NOW;
  beforeWriting = () => {};
  api = await startApi({ clock: () => now, beforeWriting: (what) => beforeWriting(what) });
});
afterEach(() => api.close());

/** Accepts an order that is due at DUE, and returns its id. */
async function accept(more: object = {}): Promise<string> {
  const order = { to: 'orders', payload: { order_id: 'A1' }, delay: '30m', ...more };
  const { status, body } = await api.post('/v1/messages', order);
  expect(status).toBe(202);
  return String(body.id);
}

const get = (id: string) => api.request(pathOf(id));
const cancel = (id: string) => api.delete(pathOf(id));
const move = (id: string, when: object) => api.patch(pathOf(id), when);
const runNow = (id: string) => api.request(`${pathOf(id)}/run-now`, { method: 'POST' });
const statusOf = async (id: string) => (await get(id)).body.status;
const isVoid = (id: string, delivery = id) => api.verdicts.isVoid({ id, delivery });

/** What a consumer writes of the message's attempt, at this moment. */
const happens = (kind: EntryKind, id: string, more: Partial<LedgerEntry> = {}) =>
  recordOutcome(api, kind, { id, dueAt: DUE, at: now, ...more });

/** What a consumer writes of an attempt that failed: the next one is due ten minutes later. */
const fails = (id: string, attempt = 1, more: Partial<LedgerEntry> = {}) =>
  happens('retried', id, {
    attempt: attempt + 1,
    dueAt: DUE + attempt * 10 * MINUTE_MS,
    error: `attempt ${attempt} failed`,
    ...more,
  });

const at = (epochMs: number) => new Date(epochMs).toISOString();
const accepted = { event: 'accepted', at: at(NOW), attempt: 1, due_at: at(DUE) };

describe('the status of a message', () => {
  const common = { to: 'orders', due_at: at(DUE), accepted_at: at(NOW) };

  test('scheduled', async () => {
    const id = await accept();
    const { status, headers, body } = await get(id);
    expect(status).toBe(200);
    expect(headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(body).toEqual({ id, ...common, status: 'scheduled', attempts: 0, timeline: [accepted] });
  });

  test('with the id and the key that the caller chose', async () => {
    await accept({ id: 'job-1', key: 'ann' });
    expect((await get('job-1')).body).toMatchObject({ id: 'job-1', key: 'ann', status: 'scheduled' });
  });

  test('due, from its due time on', async () => {
    const id = await accept();
    now = DUE - 1;
    expect(await statusOf(id)).toBe('scheduled');
    now = DUE;
    expect((await get(id)).body).toEqual({ id, ...common, status: 'due', attempts: 0, timeline: [accepted] });
  });

  test('handled', async () => {
    const id = await accept();
    now = DUE + 5;
    await happens('handled', id);
    expect((await get(id)).body).toEqual({
      id,
      ...common,
      status: 'handled',
      attempts: 1,
      timeline: [accepted, { event: 'handled', at: at(DUE + 5), attempt: 1, due_at: at(DUE) }],
    });
  });

  test('retrying, with why the last attempt failed, also when the next one is due', async () => {
    const id = await accept();
    now = DUE + 5;
    await fails(id);
    const next = DUE + 10 * MINUTE_MS;
    for (now of [DUE + 5, next + 1])
      expect((await get(id)).body).toEqual({
        id,
        ...common,
        status: 'retrying',
        due_at: at(next),
        attempts: 1,
        error: 'attempt 1 failed',
        timeline: [accepted, { event: 'retried', at: at(DUE + 5), attempt: 2, due_at: at(next) }],
      });
  });

  test('handled at a further attempt, and no error any more', async () => {
    const id = await accept();
    await fails(id, 1);
    await fails(id, 2);
    await happens('handled', id, { attempt: 3, dueAt: DUE + 20 * MINUTE_MS });
    const { body } = await get(id);
    expect(body).toMatchObject({ status: 'handled', attempts: 3, due_at: at(DUE + 20 * MINUTE_MS) });
    expect(body).not.toHaveProperty('error');
    expect(body.timeline).toEqual([
      accepted,
      expect.objectContaining({ event: 'retried', attempt: 2 }),
      expect.objectContaining({ event: 'retried', attempt: 3 }),
      expect.objectContaining({ event: 'handled', attempt: 3 }),
    ]);
  });

  test('parked, and scheduled anew by a redrive', async () => {
    const id = await accept();
    await fails(id);
    const dueAt = DUE + 10 * MINUTE_MS;
    await happens('parked', id, { attempt: 2, dueAt, error: 'no such queue' });
    const parked = (await get(id)).body;
    expect(parked).toMatchObject({
      status: 'parked',
      attempts: 2,
      error: 'no such queue',
      due_at: at(dueAt),
    });
    now = dueAt + MINUTE_MS;
    await happens('redriven', id, { attempt: 1, dueAt: now + 1 });
    const redriven = (await get(id)).body;
    expect(redriven).toMatchObject({ status: 'scheduled', attempts: 0, due_at: at(now + 1) });
    expect(redriven).not.toHaveProperty('error');
    expect(redriven.timeline).toEqual([
      ...(parked.timeline as object[]),
      { event: 'redriven', at: at(now), attempt: 1, due_at: at(now + 1) },
    ]);
  });

  test('cancelled, before its first attempt and between two', async () => {
    const id = await accept();
    now += 7;
    await cancel(id);
    expect((await get(id)).body).toEqual({
      id,
      ...common,
      status: 'cancelled',
      attempts: 0,
      timeline: [accepted, { event: 'cancelled', at: at(NOW + 7), attempt: 1, due_at: at(DUE) }],
    });
    const other = await accept();
    await fails(other);
    await cancel(other);
    expect((await get(other)).body).toMatchObject({ status: 'cancelled', attempts: 1 });
  });

  test('of a message whose acceptance is not known any more', async () => {
    await happens('handled', 'job-1');
    const { body } = await get('job-1');
    expect(body).toMatchObject({ id: 'job-1', status: 'handled', accepted_at: null, attempts: 1 });
    expect(body.timeline).toEqual([expect.objectContaining({ event: 'handled' })]);
  });
});

test.each(['nobody', 'x'.repeat(128), 'x'.repeat(129), 'a b', 'a/b', 'ö', '\0', '__proto__'])(
  'there is no message %j: every way of asking for it answers 404',
  async (id) => {
    for (const answer of [
      await get(id),
      await cancel(id),
      await move(id, { delay: '1h' }),
      await runNow(id),
    ]) {
      expect(problemIn(answer)).toBe('404 unknown-message');
      expect(answer.body.detail).toMatch(/^There is no message "/);
    }
  },
);

describe('cancelling', () => {
  test('a message that waits is void from then on', async () => {
    const id = await accept();
    const { status, body } = await cancel(id);
    expect([status, body]).toEqual([200, { id, status: 'cancelled' }]);
    expect(isVoid(id)).toBe(true);
    expect(await statusOf(id)).toBe('cancelled');
  });

  test('twice is the same, also when it would have been due', async () => {
    const id = await accept();
    const first = await cancel(id);
    const again = await cancel(id);
    now = DUE + MINUTE_MS;
    const late = await cancel(id);
    for (const { status, body } of [again, late]) expect([status, body]).toEqual([200, first.body]);
    expect(api.verdicts.given).toHaveLength(1);
    expect((await get(id)).body.timeline).toHaveLength(2);
  });

  test('five times at once makes it void once', async () => {
    const id = await accept();
    const answers = await Promise.all(Array.from({ length: 5 }, () => cancel(id)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await get(id)).body.timeline).toHaveLength(2);
  });

  test('a message that waits for another attempt is void, too', async () => {
    const id = await accept();
    await fails(id);
    now = DUE + MINUTE_MS;
    expect((await cancel(id)).status).toBe(200);
    expect(isVoid(id)).toBe(true);
  });

  test.each([
    [1_000, 200],
    [999, 409],
    [1, 409],
  ])('%d ms before the due time: %d', async (aheadMs, expected) => {
    const id = await accept();
    now = DUE - aheadMs;
    const answer = await cancel(id);
    expect(answer.status).toBe(expected);
    expect(isVoid(id)).toBe(expected === 200);
    if (expected === 200) return;
    expect(problemIn(answer)).toBe('409 too-late');
    expect(answer.body.detail).toBe(`The message "${id}" is due at ${at(DUE)}, in less than 1000 ms.`);
  });

  test.each([0, 1, 86_400_000])('%d ms after the due time it is too late', async (lateMs) => {
    const id = await accept();
    now = DUE + lateMs;
    const answer = await cancel(id);
    expect(problemIn(answer)).toBe('409 too-late');
    expect(answer.body.detail).toBe(`The message "${id}" was due at ${at(DUE)}.`);
    expect(isVoid(id)).toBe(false);
  });

  test.each([
    [400, 200],
    [399, 409],
  ])('a verdict that is written %d ms before the due time: %d', async (aheadMs, expected) => {
    const id = await accept();
    now = DUE - 2_000;
    beforeWriting = (what) => {
      if (!('kind' in what)) now = DUE - aheadMs;
    };
    const answer = await cancel(id);
    expect(answer.status).toBe(expected);
    if (expected === 409) {
      expect(problemIn(answer)).toBe('409 too-late');
      expect(answer.body.detail).toMatch(/RabbitMQ took so long .* may be handled all the same\.$/);
    }
    expect((await cancel(id)).status).toBe(expected);
  });

  test('while the verdict cannot be written it is not answered 200; again, it is', async () => {
    const id = await accept();
    beforeWriting = (what) => {
      if (!('kind' in what)) throw new BrokerUnavailableError('RabbitMQ is not reachable for now.');
    };
    const answer = await cancel(id);
    expect(problemIn(answer)).toBe('503 broker-unavailable');
    expect(answer.headers.get('Retry-After')).toBe('1');
    expect(isVoid(id)).toBe(false);
    beforeWriting = () => {};
    expect((await cancel(id)).status).toBe(200);
    expect(isVoid(id)).toBe(true);
  });

  test('again, but too late by then, it is not answered 200 either', async () => {
    const id = await accept();
    beforeWriting = (what) => {
      if (!('kind' in what)) throw new BrokerUnavailableError('RabbitMQ is not reachable for now.');
    };
    expect((await cancel(id)).status).toBe(503);
    beforeWriting = () => {};
    for (now of [DUE - 399, DUE + MINUTE_MS]) expect(problemIn(await cancel(id))).toBe('409 too-late');
  });
});

describe('moving', () => {
  test.each<[string, object, number]>([
    ['later', { delay: '1h30m' }, 90 * MINUTE_MS],
    ['earlier', { delay_ms: 1 }, 1],
    ['to a point in time', { deliver_at: '2026-11-20T13:00:00+01:00' }, 0],
    ['to a past that is now', { deliver_at: '1999-12-31T23:59:59Z' }, 0],
    ['to when it is due anyway', { delay: '30m' }, 30 * MINUTE_MS],
    ['ten years ahead', { delay: '3650d' }, 3650 * 86_400_000],
  ])('%s', async (_, when, delayMs) => {
    const id = await accept({ key: 'ann', retry: { max_attempts: 3 } });
    const { status, body } = await move(id, when);
    const dueAt = NOW + delayMs;
    expect([status, body]).toEqual([200, { id, status: 'scheduled', due_at: at(dueAt) }]);
    expect(api.forwarded).toEqual([
      expect.objectContaining({
        ...{ id, dueAt, attempt: 1, payload: { order_id: 'A1' }, retry: { maxAttempts: 3 } },
        delivery: expect.stringMatching(ID),
      }),
    ]);
    const delivery = api.forwarded[0]?.delivery;
    expect([isVoid(id), isVoid(id, delivery)]).toEqual([true, false]);
    expect((await get(id)).body).toMatchObject({
      due_at: at(dueAt),
      key: 'ann',
      attempts: 0,
      timeline: [accepted, { event: 'rescheduled', at: at(NOW), attempt: 1, due_at: at(dueAt) }],
    });
  });

  test('again and again: the last one counts, and can be cancelled', async () => {
    const id = await accept();
    for (const delay of ['1h', '10m', '2h']) expect((await move(id, { delay })).status).toBe(200);
    const deliveries = [id, ...api.forwarded.map(({ delivery }) => delivery)];
    expect(deliveries.map((delivery) => isVoid(id, delivery))).toEqual([true, true, true, false]);
    expect((await get(id)).body.due_at).toBe(at(NOW + 120 * MINUTE_MS));
    expect((await cancel(id)).status).toBe(200);
    expect(deliveries.map((delivery) => isVoid(id, delivery))).toEqual([true, true, true, true]);
  });

  test('a message that waits for another attempt keeps its attempts', async () => {
    const id = await accept();
    await fails(id);
    expect((await move(id, { delay: '2h' })).status).toBe(200);
    expect(api.forwarded).toEqual([expect.objectContaining({ id, attempt: 2 })]);
    expect((await get(id)).body).toMatchObject({
      status: 'retrying',
      attempts: 1,
      error: 'attempt 1 failed',
      due_at: at(NOW + 120 * MINUTE_MS),
    });
  });

  test.each<[unknown, string[]]>([
    [{}, ['body.delay missing']],
    [{ delay: '1h', delay_ms: 1 }, ['body.delay_ms conflict']],
    [{ delay: '1h', deliver_at: '2027-01-01T00:00:00Z' }, ['body.deliver_at conflict']],
    [{ delay: '30 bananas' }, ['body.delay invalid_value']],
    [{ delay: '3650d1ms' }, ['body.delay invalid_value']],
    [{ delay_ms: -1 }, ['body.delay_ms too_small']],
    [{ delay_ms: '1' }, ['body.delay_ms wrong_type']],
    [{ deliver_at: '2026-12-24' }, ['body.deliver_at invalid_format']],
    [{ delay: '1h', payload: {} }, ['body.payload unknown_field']],
    [{ status: 'cancelled' }, ['body.status unknown_field', 'body.delay missing']],
    [[], ['body json_invalid']],
    [undefined, ['body json_missing']],
  ])('to %j is refused', async (when, faults) => {
    const id = await accept();
    const { status, body } = await api.patch(pathOf(id), when);
    expect([status, body.detail.map(inShort)]).toEqual([422, faults]);
    expect((await get(id)).body.due_at).toBe(at(DUE));
  });

  test('of a message whose content the ledger has no longer is not possible; cancelling it is', async () => {
    const entry = { id: 'job-1', to: 'orders', delivery: 'job-1', attempt: 1, dueAt: DUE, at: NOW };
    await api.recorder.record({ ...entry, kind: 'accepted' });
    for (const answer of [await move('job-1', { delay: '1h' }), await runNow('job-1')]) {
      expect(problemIn(answer)).toBe('409 too-late');
      expect(answer.body.detail).toMatch(/has the content of the message "job-1" no longer/);
    }
    expect((await cancel('job-1')).status).toBe(200);
  });

  test.each([
    [400, 200],
    [399, 503],
  ])('whose old delivery is void only %d ms before it is due: %d', async (aheadMs, expected) => {
    const id = await accept();
    now = DUE - 2_000;
    beforeWriting = (what) => {
      if (!('kind' in what)) now = DUE - aheadMs;
    };
    const answer = await move(id, { delay: '1h' });
    expect(answer.status).toBe(expected);
    if (expected === 503) {
      expect(problemIn(answer)).toBe('503 outcome-unknown');
      expect(answer.body.detail).toMatch(/is rescheduled, .* may be handled at its old time as well\.$/);
    }
  });
});

describe('running now', () => {
  test('a message that waits is due now', async () => {
    const id = await accept();
    now += 5;
    const { status, body } = await runNow(id);
    expect([status, body]).toEqual([200, { id, due_at: at(NOW + 5) }]);
    expect(api.forwarded).toEqual([expect.objectContaining({ id, dueAt: NOW + 5 })]);
    expect(isVoid(id)).toBe(true);
    expect(await statusOf(id)).toBe('due');
  });

  test('a message that waits for another attempt, too', async () => {
    const id = await accept();
    await fails(id);
    expect((await runNow(id)).status).toBe(200);
    expect(api.forwarded).toEqual([expect.objectContaining({ id, dueAt: NOW, attempt: 2 })]);
  });

  test.each([999, 1, 0, -86_400_000])('what is due in %d ms is left as it is', async (aheadMs) => {
    const id = await accept();
    now = DUE - aheadMs;
    const { status, body } = await runNow(id);
    expect([status, body]).toEqual([200, { id, due_at: at(DUE) }]);
    expect(api.forwarded).toEqual([]);
    expect(isVoid(id)).toBe(false);
  });
});

describe('what has come to its end cannot be changed', () => {
  test.each<[EntryKind, string]>([
    ['handled', 'was handled.'],
    ['parked', 'has failed for good; see /v1/parked/orders, where it can be deleted or sent once more.'],
  ])('%s', async (kind, says) => {
    const id = await accept();
    await happens(kind, id, { error: 'rejected' });
    for (const answer of [await cancel(id), await move(id, { delay: '1h' }), await runNow(id)]) {
      expect(problemIn(answer)).toBe('409 too-late');
      expect(answer.body.detail).toBe(`The message "${id}" ${says}`);
    }
    expect(await statusOf(id)).toBe(kind);
    expect(api.verdicts.given).toEqual([]);
  });

  test('cancelled', async () => {
    const id = await accept();
    await cancel(id);
    for (const answer of [await move(id, { delay: '1h' }), await runNow(id)]) {
      expect(problemIn(answer)).toBe('409 too-late');
      expect(answer.body.detail).toBe(`The message "${id}" was cancelled.`);
    }
    expect(api.forwarded).toEqual([]);
  });
});

test('what is due in a moment cannot be moved', async () => {
  const id = await accept();
  now = DUE - 999;
  expect(problemIn(await move(id, { delay: '1h' }))).toBe('409 too-late');
  now = DUE;
  expect(problemIn(await move(id, { delay: '1h' }))).toBe('409 too-late');
  expect(api.forwarded).toEqual([]);
});

test('while another request is moving a message nobody else changes it, for ten seconds at most', async () => {
  const id = await accept();
  await happens('claimed', id, { delivery: 'moved', from: id, dueAt: DUE + MINUTE_MS });
  now += 9_999;
  for (const answer of [await cancel(id), await move(id, { delay: '1h' }), await runNow(id)]) {
    expect(problemIn(answer)).toBe('409 in-progress');
    expect(answer.body.detail).toMatch(/is being changed by another request\. Try again\.$/);
  }
  expect(await statusOf(id)).toBe('scheduled');
  now++;
  expect((await cancel(id)).status).toBe(200);
});
