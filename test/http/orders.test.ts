import { type Api, ID, inShort, NOW, pathOf, problemIn, recordOutcome, startApi } from './api';

const TEN_YEARS_MINUTES = 10 * 365 * 24 * 60;

let now: number;
let api: Api;
beforeEach(async () => {
  now = NOW;
  api = await startApi({ clock: () => now });
});
afterEach(() => api.close());

const replayed = ({ headers }: { headers: Headers }) => headers.get('Idempotent-Replayed');

describe.each(['/submit-order', '/dlx-order'])('POST %s', (path) => {
  test('an order is accepted and expires after 30 minutes', async () => {
    const { status, body } = await api.post(path, { order_id: 'A1' });
    expect(status).toBe(202);
    expect(body).toEqual({
      msg: 'order A1 expires in 30 minutes unless it is paid',
      id: 'order:A1',
      due_at: '2026-11-20T12:30:00.000Z',
    });
    expect(api.scheduled).toEqual([
      {
        id: 'order:A1',
        delivery: expect.stringMatching(ID),
        to: 'orders',
        payload: { order_id: 'A1', expire_minutes: 30 },
        dueAt: NOW + 30 * 60_000,
        own: { id: 'order:A1', fingerprint: expect.any(String) },
      },
    ]);
  });

  test.each([0, 1, 90, TEN_YEARS_MINUTES])('it may expire after %d minutes', async (expire_minutes) => {
    const { status, body } = await api.post(path, { order_id: 'A1', expire_minutes });
    expect(status).toBe(202);
    expect(body.due_at).toBe(new Date(NOW + expire_minutes * 60_000).toISOString());
    expect(api.scheduled.at(-1)).toMatchObject({ payload: { order_id: 'A1', expire_minutes } });
  });

  test.each(['Bestellung № 7', '__proto__', '\0'])('%j can be an order id', async (order_id) => {
    expect((await api.post(path, { order_id })).status).toBe(202);
    expect(api.scheduled.at(-1)).toMatchObject({ payload: { order_id } });
  });

  test.each<[object, string]>([
    [{}, 'body.order_id missing'],
    [{ order_id: 7 }, 'body.order_id wrong_type'],
    [{ order_id: null }, 'body.order_id wrong_type'],
    [{ order_id: '' }, 'body.order_id too_small'],
    [{ order_id: 'A1', expire_minutes: '30' }, 'body.expire_minutes wrong_type'],
    [{ order_id: 'A1', expire_minutes: null }, 'body.expire_minutes wrong_type'],
    [{ order_id: 'A1', expire_minutes: 1.5 }, 'body.expire_minutes wrong_type'],
    [{ order_id: 'A1', expire_minutes: -1 }, 'body.expire_minutes too_small'],
    [{ order_id: 'A1', expire_minutes: TEN_YEARS_MINUTES + 1 }, 'body.expire_minutes too_big'],
    [{ order_id: 'A1', paid: false }, 'body.paid unknown_field'],
    [{ order_id: 'A1', constructor: 1 }, 'body.constructor unknown_field'],
  ])('%j is refused: %s', async (body, fault) => {
    const answer = await api.post(path, body);
    expect(answer.status).toBe(422);
    expect(answer.body.detail.map(inShort)).toEqual([fault]);
  });

  test('an order id has 128 characters at most', async () => {
    expect((await api.post(path, { order_id: 'x'.repeat(128) })).status).toBe(202);
    const { status, body } = await api.post(path, { order_id: 'x'.repeat(129) });
    expect([status, ...body.detail.map(inShort)]).toEqual([422, 'body.order_id too_big']);
  });

  test('every fault is reported at once', async () => {
    const { status, body } = await api.post(path, { order_id: '', expire_minutes: -1.5, paid: 1, vip: 1 });
    expect(status).toBe(422);
    expect(body).toEqual({
      detail: [
        { loc: ['body', 'order_id'], msg: expect.any(String), type: 'too_small' },
        { loc: ['body', 'expire_minutes'], msg: expect.any(String), type: 'wrong_type' },
        { loc: ['body', 'paid'], msg: 'unknown field', type: 'unknown_field' },
        { loc: ['body', 'vip'], msg: 'unknown field', type: 'unknown_field' },
      ],
    });
  });

  test('an order that is submitted again is answered like the first time, and expires once', async () => {
    const first = await api.post(path, { order_id: 'A1' });
    expect(replayed(first)).toBeNull();
    now += 60_000;
    for (const other of ['/submit-order', '/dlx-order']) {
      const again = await api.post(other, { order_id: 'A1', expire_minutes: 30 });
      expect([again.status, replayed(again)]).toEqual([202, 'true']);
      expect(again.body).toEqual(first.body);
    }
    expect(api.scheduled).toHaveLength(1);
  });

  test('with other minutes it is not accepted', async () => {
    await api.post(path, { order_id: 'A1' });
    const answer = await api.post(path, { order_id: 'A1', expire_minutes: 31 });
    expect(problemIn(answer)).toBe('409 id-taken');
    expect(answer.body.detail).toContain('"order:A1"');
    expect(api.scheduled).toHaveLength(1);
  });
});

const paid = (orderId: string) =>
  api.request(`/orders/${encodeURIComponent(orderId)}/paid`, { method: 'POST' });

describe.each<[string, string, RegExp]>([
  ['a plain order id', 'A-1.b_2~c:3', /^order:A-1\.b_2~c:3$/],
  ['one with spaces', ' A 1 ', /^order:sha256:[\w-]{22}$/],
  ['one with slashes', 'a/b?c#d%e', /^order:sha256:[\w-]{22}$/],
  ['one in other letters', 'Bestellung № 7 🎁', /^order:sha256:[\w-]{22}$/],
  ['one of 122 characters', 'x'.repeat(122), /^order:x{122}$/],
  ['one of 123 characters', 'x'.repeat(123), /^order:sha256:[\w-]{22}$/],
  ['one of 128 characters', 'ß'.repeat(128), /^order:sha256:[\w-]{22}$/],
])('with %s', (_, orderId, messageId) => {
  test('an order can be submitted, found, and paid', async () => {
    const submitted = await api.post('/submit-order', { order_id: orderId });
    const id = String(submitted.body.id);
    expect([submitted.status, id]).toEqual([202, expect.stringMatching(messageId)]);
    expect(replayed(await api.post('/submit-order', { order_id: orderId }))).toBe('true');
    expect((await api.request(pathOf(id))).body).toMatchObject({ id, status: 'scheduled' });

    const { status, body } = await paid(orderId);
    expect(status).toBe(200);
    expect(body).toEqual({ msg: `order ${orderId} is paid and does not expire`, id, status: 'cancelled' });
    expect((await api.request(pathOf(id))).body).toMatchObject({ id, status: 'cancelled' });
    const [{ delivery = '' } = {}] = api.scheduled;
    expect(api.verdicts.isVoid({ id, delivery })).toBe(true);
  });
});

test('orders whose ids differ by little are different ones', async () => {
  const orderIds = ['A 1', 'A  1', 'a 1', 'A\u00a01', `${'x'.repeat(127)}y`, `${'x'.repeat(127)}z`];
  const answers = await Promise.all(orderIds.map((order_id) => api.post('/submit-order', { order_id })));
  expect(answers.map(({ status, headers }) => [status, replayed({ headers })])).toEqual(
    orderIds.map(() => [202, null]),
  );
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(orderIds.length);
});

test('an order may be paid twice, and submitting it again does not bring it back', async () => {
  const submitted = await api.post('/submit-order', { order_id: 'A1' });
  const first = await paid('A1');
  expect(await paid('A1').then(({ status, body }) => ({ status, body }))).toEqual({
    status: 200,
    body: first.body,
  });
  const again = await api.post('/submit-order', { order_id: 'A1' });
  expect([again.status, replayed(again), again.body]).toEqual([202, 'true', submitted.body]);
  expect((await api.request('/v1/messages/order:A1')).body.status).toBe('cancelled');
});

test('an order that was never submitted cannot be paid', async () => {
  for (const orderId of ['A1', 'A 1', 'x'.repeat(129)]) {
    const answer = await paid(orderId);
    expect(problemIn(answer)).toBe('404 unknown-message');
    expect(answer.body.detail).toMatch(/^There is no message "order:/);
  }
});

test.each<[string, number, RegExp]>([
  ['in a moment', 60_000 - 999, /is due at 2026-11-20T12:01:00\.000Z, in less than 1000 ms/],
  ['already', 60_000, /was due at 2026-11-20T12:01:00\.000Z/],
])('an order that expires %s cannot be paid any more', async (_, laterMs, says) => {
  await api.post('/submit-order', { order_id: 'A1', expire_minutes: 1 });
  now += laterMs;
  const answer = await paid('A1');
  expect(problemIn(answer)).toBe('409 too-late');
  expect(answer.body.detail).toMatch(says);
});

test('neither can one that has expired', async () => {
  await api.post('/submit-order', { order_id: 'A1', expire_minutes: 0 });
  const [{ delivery = '' } = {}] = api.scheduled;
  await recordOutcome(api, 'handled', { id: 'order:A1', delivery, dueAt: NOW, at: NOW });
  const answer = await paid('A1');
  expect(problemIn(answer)).toBe('409 too-late');
  expect(answer.body.detail).toBe('The message "order:A1" was handled.');
});
