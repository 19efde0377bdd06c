/** The report by HTTP: which period it is on, whose targets, and what it counts of a ledger. */
import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { type Api, inShort, NOW, recordOutcome, startApi } from './api';

let api: Api;
afterEach(() => api.close());

const HOUR_MS = 3_600_000;
const report = (query = '', headers = {}) => api.request(`/v1/report${query}`, { headers });
const periodIn = ({ body }: Awaited<ReturnType<typeof report>>) => [body.from, body.to];

describe('without keys', () => {
  beforeEach(async () => {
    api = await startApi();
  });

  test('it is on the last 24 hours, and nothing has happened', async () => {
    const answer = await report();
    expect(answer.status).toBe(200);
    const nothing = { accepted: 0, handled: 0, retried: 0, parked: 0, cancelled: 0, lateness_ms: null };
    expect(answer.body).toEqual({
      from: '2026-11-19T12:00:00.000Z',
      to: '2026-11-20T12:00:00.000Z',
      made_at: '2026-11-20T12:00:00.000Z',
      complete: true,
      total: nothing,
      targets: { orders: nothing, emails: nothing, webhooks: nothing, relay: nothing, reports: nothing },
      reasons: [],
      pending: {
        from: '2026-11-20T12:00:00.000Z',
        to: '2026-11-21T12:00:00.000Z',
        messages: 0,
        targets: {},
        hours: Array(24).fill(0),
      },
    });
  });

  test('it has what was accepted, handled, retried and parked, how late, why, and what is next', async () => {
    const at = NOW - HOUR_MS;
    const dueAt = at - 7;
    await recordOutcome(api, 'accepted', { id: 'a', dueAt, at });
    await recordOutcome(api, 'handled', { id: 'a', dueAt, at, startedAt: at });
    const error = 'shop answered 500';
    await recordOutcome(api, 'retried', { id: 'b', dueAt: NOW + HOUR_MS, attempt: 2, at, error });
    await recordOutcome(api, 'parked', { id: 'c', dueAt, at, error });
    await recordOutcome(api, 'cancelled', { id: 'd', dueAt: NOW + HOUR_MS, at, to: 'emails' });
    await recordOutcome(api, 'dropped', { id: 'e', dueAt, at });
    const { body } = await report();
    const lateness_ms = { p50: 7, p90: 7, p99: 7, max: 7 };
    expect(body).toMatchObject({
      total: { accepted: 1, handled: 1, retried: 1, parked: 1, cancelled: 1, lateness_ms },
      targets: { orders: { handled: 1, cancelled: 0, lateness_ms }, emails: { handled: 0, cancelled: 1 } },
      reasons: [{ to: 'orders', error, times: 2 }],
      pending: { messages: 1, targets: { orders: 1 }, hours: [0, 1, ...Array(22).fill(0)] },
    });
  });

  test.each([
    [
      '?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00%2B01:00',
      '2026-11-01T00:00:00.000Z',
      '2026-11-01T23:00:00.000Z',
    ],
    [
      '?from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z',
      '2026-10-01T00:00:00.000Z',
      '2026-11-01T00:00:00.000Z',
    ],
    [
      '?to=2027-01-02T00:00:00Z&from=2027-01-01T00:00:00Z',
      '2027-01-01T00:00:00.000Z',
      '2027-01-02T00:00:00.000Z',
    ],
    [
      '?from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z',
      '0001-01-01T00:00:00.000Z',
      '0001-01-02T00:00:00.000Z',
    ],
  ])('%s is on that period', async (query, from, to) => {
    expect(periodIn(await report(query))).toEqual([from, to]);
  });

  test.each([
    ['?from=2026-11-01T00:00:00Z', 'query.to missing'],
    ['?to=2026-11-01T00:00:00Z', 'query.from missing'],
    ['?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z', 'query.from invalid_value'],
    ['?from=2026-11-01T00:00:00Z&to=2026-11-01T00:00:00Z', 'query.from invalid_value'],
    ['?from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00.001Z', 'query.from invalid_value'],
    ['?from=2026-11-01&to=2026-11-02T00:00:00Z', 'query.from invalid_format'],
    ['?from=2026-11-01T00:00:00&to=2026-11-02T00:00:00Z', 'query.from invalid_format'],
    ['?from=a&from=b&to=2026-11-02T00:00:00Z', 'query.from wrong_type'],
    ['?day=today', 'query.day unknown_field'],
  ])('%s is refused: %s', async (query, fault) => {
    const { status, body } = await report(query);
    expect([status, body.detail.map(inShort)]).toEqual([422, [fault]]);
  });
});

test('a key that is bound to targets is shown these alone', async () => {
  const mails = newApiKey('mails', ['emails', 'webhooks']);
  api = await startApi({ access: { keys: parseApiKeys(mails.entry), publicPaths: [] } });
  for (const [id, to] of Object.entries({ a: 'orders', b: 'orders', c: 'emails' })) {
    await recordOutcome(api, 'accepted', { id, to, dueAt: NOW + HOUR_MS, at: NOW - 1 });
    await recordOutcome(api, 'parked', { id: `${id}2`, to, dueAt: NOW, at: NOW - 1, error: 'failed' });
  }
  const { body } = await report('', { Authorization: `Bearer ${mails.key}` });
  expect(body).toMatchObject({
    total: { accepted: 1, parked: 1 },
    reasons: [{ to: 'emails', times: 1 }],
    pending: { messages: 1, targets: { emails: 1 } },
  });
  expect(Object.keys(body.targets as object)).toEqual(['emails', 'webhooks']);
  expect(JSON.stringify(body)).not.toContain('orders');
});
