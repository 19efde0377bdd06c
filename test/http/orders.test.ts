import { type Api, ID, inShort, NOW, startApi } from './api';

const TEN_YEARS_MINUTES = 10 * 365 * 24 * 60;

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

describe.each(['/submit-order', '/dlx-order'])('POST %s', (path) => {
  test('an order is accepted and expires after 30 minutes', async () => {
    const { status, body } = await api.post(path, { order_id: 'A1' });
    expect(status).toBe(202);
    expect(body).toEqual({
      msg: 'order A1 expires in 30 minutes unless it is paid',
      id: expect.stringMatching(ID),
      due_at: '2026-11-20T12:30:00.000Z',
    });
    expect(api.scheduled.at(-1)).toEqual({
      to: 'orders',
      payload: { order_id: 'A1', expire_minutes: 30 },
      dueAt: NOW + 30 * 60_000,
    });
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
});
