import { type Api, ID, NOW, pathOf, problemIn, startApi } from './api';

const order = { to: 'orders', payload: { order_id: 'A1' }, delay: '30m' };

let now: number;
let api: Api;
beforeEach(async () => {
  now = NOW;
  api = await startApi({ clock: () => now, ledgerOff: true });
});
afterEach(() => api.close());

const json = { 'Content-Type': 'application/json' };
const body = (content: object) => ({ headers: json, body: JSON.stringify(content) });

test.each<[string, string, RequestInit, RegExp]>([
  ['GET', '/v1/messages', {}, /^Listing messages/],
  ['GET', '/v1/overview', {}, /^The overview/],
  ['GET', '/v1/report', {}, /^The report/],
  ['GET', '/v1/messages/job-1', {}, /^The status of a message/],
  ['PATCH', '/v1/messages/job-1', body({ delay: '1h' }), /^Rescheduling/],
  ['POST', '/v1/messages/job-1/run-now', {}, /^Running a message now/],
  ['DELETE', '/v1/messages/job-1', {}, /^Cancelling by an id of your own/],
  ['POST', '/orders/A1/paid', {}, /^Cancelling by order/],
  ['POST', '/v1/messages', body({ ...order, id: 'job-1' }), /^An id of your own/],
  [
    'POST',
    '/v1/messages',
    { ...body(order), headers: { ...json, 'Idempotency-Key': 'job-1' } },
    /^An id of your own/,
  ],
])('%s %s is answered 501, and why', async (method, path, init, what) => {
  const answer = await api.request(path, { method, ...init });
  expect(problemIn(answer)).toBe('501 ledger-off');
  expect(answer.body.detail).toMatch(what);
  expect(answer.body.detail).toMatch(/needs the ledger, which is switched off here \(LEDGER=off\)\.$/);
  expect(api.scheduled).toEqual([]);
});

test('what is not valid is answered 422 all the same', async () => {
  expect((await api.patch('/v1/messages/job-1', {})).status).toBe(422);
  expect((await api.post('/v1/messages', { ...order, id: 'a b' })).status).toBe(422);
});

test('messages are accepted, with a key too, and orders, with an id of the service', async () => {
  const answers = [
    await api.post('/v1/messages', { ...order, key: 'ann' }),
    await api.post('/submit-order', { order_id: 'A1' }),
    await api.post('/submit-order', { order_id: 'A1' }),
    await api.post('/welcome-email', { email: 'ann@example.com' }),
  ];
  for (const { status, headers, body } of answers) {
    expect([status, headers.get('Idempotent-Replayed')]).toEqual([202, null]);
    expect(body.id).toMatch(ID);
  }
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(4);
});

describe('by the id that the service made, which says when it is due', () => {
  let id: string;
  beforeEach(async () => {
    id = String((await api.post('/v1/messages', order)).body.id);
  });
  const cancel = () => api.delete(pathOf(id));

  test('a message can be cancelled, twice', async () => {
    for (let i = 0; i < 2; i++) {
      const { status, body } = await cancel();
      expect([status, body]).toEqual([200, { id, status: 'cancelled' }]);
    }
    expect(api.verdicts.isVoid({ id, delivery: id })).toBe(true);
  });

  test.each<[string, number, RegExp]>([
    ['in a moment', 1_800_000 - 999, /is due at 2026-11-20T12:30:00\.000Z, in less than 1000 ms\.$/],
    ['already', 1_800_000, /was due at 2026-11-20T12:30:00\.000Z\.$/],
  ])('not if it is due %s', async (_, laterMs, says) => {
    now += laterMs;
    const answer = await cancel();
    expect(problemIn(answer)).toBe('409 too-late');
    expect(answer.body.detail).toMatch(says);
    expect(api.verdicts.given).toEqual([]);
  });

  test.each(['x'.repeat(129), 'x'.repeat(4_000)])(
    'what is too long for an id is one of no message',
    async (long) => {
      expect(problemIn(await api.delete(pathOf(long)))).toBe('404 unknown-message');
    },
  );
});
