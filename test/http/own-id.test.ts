import { OutcomeUnknownError } from '../../src/errors';
import { type Api, ID, inShort, NOW, pathOf, problemIn, recordOutcome, startApi } from './api';

const order = { to: 'orders', payload: { order_id: 'A1', expire_minutes: 30 }, delay: '30m' };

let now: number;
let api: Api;
beforeEach(async () => {
  now = NOW;
  api = await startApi({ clock: () => now });
});
afterEach(() => api.close());

const post = (body: object, headers?: Record<string, string>) => api.post('/v1/messages', body, headers);
const replayed = ({ headers }: { headers: Headers }) => headers.get('Idempotent-Replayed');

const WAYS = {
  'id in the body': (id: string, body: object) => post({ id, ...body }),
  'Idempotency-Key, as it is': (id: string, body: object) => post(body, { 'Idempotency-Key': id }),
  'Idempotency-Key, in quotes': (id: string, body: object) => post(body, { 'Idempotency-Key': `"${id}"` }),
};

describe.each(Object.entries(WAYS))('%s', (way, send) => {
  test('is the id of the message', async () => {
    const { status, headers, body } = await send('job-1', order);
    expect(status).toBe(202);
    expect(body).toEqual({
      id: 'job-1',
      to: 'orders',
      status: 'scheduled',
      due_at: '2026-11-20T12:30:00.000Z',
    });
    expect(headers.get('Location')).toBe('/v1/messages/job-1');
    expect(api.scheduled).toEqual([
      expect.objectContaining({ id: 'job-1', delivery: expect.stringMatching(ID), payload: order.payload }),
    ]);
  });

  test('the same request again is answered like the first, whenever it comes', async () => {
    const first = await send('job-1', order);
    expect(replayed(first)).toBeNull();
    for (const laterMs of [0, 1, 60_000, 1_800_000, 3_600_000]) {
      now = NOW + laterMs;
      const again = await send('job-1', order);
      expect([again.status, replayed(again)]).toEqual([202, 'true']);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get('Location')).toBe('/v1/messages/job-1');
    }
    expect(api.scheduled).toHaveLength(1);
  });

  test.each<[string, object]>([
    ['another payload', { ...order, payload: { order_id: 'A2', expire_minutes: 30 } }],
    ['another target', { ...order, to: 'emails', payload: { email: 'ann@example.com' } }],
    ['another delay', { ...order, delay: '31m' }],
    ['a point in time', { ...order, delay: undefined, deliver_at: '2026-11-20T12:30:00Z' }],
    ['a retry policy', { ...order, retry: { max_attempts: 3 } }],
    ['a key', { ...order, key: 'ann' }],
  ])('with %s it is not accepted', async (_, other) => {
    await send('job-1', order);
    const answer = await send('job-1', other);
    expect(problemIn(answer)).toBe(way === 'id in the body' ? '409 id-taken' : '422 idempotency-key-reused');
    expect(answer.body.detail).toBe('The id "job-1" is that of a message with other content.');
    expect(replayed(answer)).toBeNull();
    expect(api.scheduled).toHaveLength(1);
  });

  test.each(['a', 'x'.repeat(128), '0123456789', 'AZaz09._~:-', '01M889VR5RKR4H2ZHM05H1PH96', '...', 'a..b'])(
    'may be %s',
    async (id) => {
      const { status, body } = await send(id, order);
      expect([status, body.id]).toEqual([202, id]);
      const { status: found, body: message } = await api.request(pathOf(id));
      expect([found, message.id]).toEqual([200, id]);
    },
  );

  test.each([
    'x'.repeat(129),
    '',
    '.',
    '..',
    'a b',
    'a/b',
    'a?b',
    'a#b',
    'a%20b',
    'a,b',
    'a+b',
    'a"b',
    'a\\b',
    'äöü',
    '{a}',
    'schedule:sweep:2026-11-25T08:00:00.000Z',
  ])('may not be %j', async (id) => {
    const { status, body } = await send(id, order);
    expect(status).toBe(422);
    const [{ loc } = { loc: [] }] = body.detail;
    expect(loc).toEqual(way === 'id in the body' ? ['body', 'id'] : ['header', 'Idempotency-Key']);
    expect(api.scheduled).toEqual([]);
  });

  test('of the same request five times at once one is accepted', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => send('job-1', order)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(answers.map(replayed).filter((header) => header === null)).toHaveLength(1);
    expect(api.scheduled).toHaveLength(1);
  });

  test('what is due at once is accepted once, too', async () => {
    const first = await send('job-1', { ...order, delay: '0s' });
    now += 500;
    const again = await send('job-1', { ...order, delay: '0s' });
    expect([again.status, replayed(again), again.body.due_at]).toEqual([202, 'true', first.body.due_at]);
    expect(api.scheduled).toHaveLength(1);
  });
});

test.each<[unknown, string]>([
  [7, 'body.id wrong_type'],
  [null, 'body.id wrong_type'],
  ['', 'body.id too_small'],
  ['x'.repeat(129), 'body.id too_big'],
  ['a b', 'body.id invalid_format'],
])('the id %j in the body is refused: %s', async (id, fault) => {
  const { status, body } = await post({ ...order, id });
  expect(status).toBe(422);
  expect(body.detail.map(inShort)).toContain(fault);
});

test('what is wrong with an Idempotency-Key is said', async () => {
  for (const key of ['a b', '"a b"', '""', '"a', 'a"', 'x'.repeat(129)]) {
    const { status, body } = await post(order, { 'Idempotency-Key': key });
    expect({ key, status, detail: body.detail }).toEqual({
      key,
      status: 422,
      detail: [
        {
          loc: ['header', 'Idempotency-Key'],
          msg: 'must consist of letters, digits and . _ ~ : -, be none of ., .. and batch, and not begin with schedule:, 128 at most',
          type: 'invalid_format',
        },
      ],
    });
  }
});

test('an id in the body wins over an Idempotency-Key, whatever that is', async () => {
  for (const [id, key] of [
    ['job-1', 'key'],
    ['job-2', 'key'],
    ['job-3', 'not valid'],
  ] as const) {
    const { status, body } = await post({ ...order, id }, { 'Idempotency-Key': key });
    expect([status, body.id]).toEqual([202, id]);
  }
  const { status } = await api.request(pathOf('key'));
  expect(status).toBe(404);
  expect(problemIn(await post({ ...order, id: 'job-1', delay: '1m' }, { 'Idempotency-Key': 'key' }))).toBe(
    '409 id-taken',
  );
});

const webhook = (body: unknown) => ({
  to: 'webhooks',
  payload: { url: 'https://example.com/', headers: { A: '1', B: '2' }, body },
  delay: '30m',
});

test('the order of fields makes no difference, at any depth', async () => {
  await post({ id: 'job-1', ...webhook({ list: [{ a: 1, b: { c: 2, d: 3 } }], z: null }) });
  const again = await post({
    delay: '30m',
    payload: {
      body: { z: null, list: [{ b: { d: 3, c: 2 }, a: 1 }] },
      headers: { B: '2', A: '1' },
      url: 'https://example.com/',
    },
    to: 'webhooks',
    id: 'job-1',
  });
  expect([again.status, replayed(again)]).toEqual([202, 'true']);
});

test.each<[unknown, unknown]>([
  [
    [1, 2],
    [2, 1],
  ],
  [{ a: 1 }, { a: '1' }],
  [{ a: null }, {}],
  [{ a: 1 }, [['a', 1]]],
  [{}, []],
  ['{"a":1}', { a: 1 }],
])('%j and %j are not the same', async (first, other) => {
  await post({ id: 'job-1', ...webhook(first) });
  expect(problemIn(await post({ id: 'job-1', ...webhook(other) }))).toBe('409 id-taken');
});

test('one duration written in another way is the same', async () => {
  await post({ ...order, id: 'job-1' });
  const again = await post({ ...order, id: 'job-1', delay: 'PT30M' });
  expect([again.status, replayed(again)]).toEqual([202, 'true']);
});

test('without an id of the caller every request makes a message', async () => {
  const answers = [await post(order), await post(order)];
  expect(answers.map(replayed)).toEqual([null, null]);
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(2);
  expect(api.scheduled).toHaveLength(2);
});

test('what became of the message in between changes nothing of the answer', async () => {
  const first = await post({ ...order, id: 'job-1' });
  await api.patch(pathOf('job-1'), { delay: '2h' });
  const moved = await post({ ...order, id: 'job-1' });
  await api.delete(pathOf('job-1'));
  const cancelled = await post({ ...order, id: 'job-1' });
  for (const again of [moved, cancelled]) {
    expect([again.status, replayed(again)]).toEqual([202, 'true']);
    expect(again.body).toEqual(first.body);
  }
  expect((await api.request(pathOf('job-1'))).body.status).toBe('cancelled');
});

const elsewhere = { id: 'job-1', to: 'orders', delivery: 'elsewhere', attempt: 1 };

test('an id is taken until a day after its message was due, and free then', async () => {
  const dueAt = NOW + 1_000;
  await api.recorder.record({ ...elsewhere, kind: 'accepted', dueAt, at: NOW, fingerprint: 'other' });
  await api.recorder.record({ ...elsewhere, kind: 'handled', dueAt, at: dueAt });
  now = dueAt + 86_400_000 - 1;
  expect(problemIn(await post({ ...order, id: 'job-1' }))).toBe('409 id-taken');
  now++;
  const { status, body } = await post({ ...order, id: 'job-1' });
  expect([status, body.due_at]).toEqual([202, new Date(now + 1_800_000).toISOString()]);
});

test('it is free then for whoever accepted it, too', async () => {
  await post({ ...order, id: 'job-1' });
  const [{ dueAt = 0, delivery = '' } = {}] = api.scheduled;
  now = dueAt;
  await recordOutcome(api, 'handled', { id: 'job-1', delivery, dueAt, at: now });
  now = dueAt + 86_400_000 - 1;
  expect(replayed(await post({ ...order, id: 'job-1' }))).toBe('true');
  now++;
  const again = await post({ ...order, id: 'job-1' });
  expect([again.status, replayed(again)]).toEqual([202, null]);
  expect(api.scheduled).toHaveLength(2);
});

test('an id that a message waits with is taken however late that is', async () => {
  await api.recorder.record({ ...elsewhere, kind: 'accepted', dueAt: NOW, at: NOW, fingerprint: 'other' });
  now += 30 * 86_400_000;
  expect(problemIn(await post({ ...order, id: 'job-1' }))).toBe('409 id-taken');
});

test('while another process is accepting an id it is in progress, for ten seconds at most', async () => {
  await api.recorder.record({ ...elsewhere, kind: 'claimed', dueAt: NOW, at: NOW });
  now += 9_999;
  expect(problemIn(await post({ ...order, id: 'job-1' }))).toBe('409 in-progress');
  now++;
  expect((await post({ ...order, id: 'job-1' })).status).toBe(202);
});

test('after an unknown outcome the same id is accepted, and what came of the first request is void', async () => {
  let failures = 1;
  await api.close();
  api = await startApi({
    before: () => {
      if (failures-- > 0) throw new OutcomeUnknownError('No confirm.');
    },
  });
  expect(problemIn(await post({ ...order, id: 'job-1' }))).toBe('503 outcome-unknown');
  const again = await post({ ...order, id: 'job-1' });
  expect([again.status, replayed(again)]).toEqual([202, null]);
  const [first, second] = api.scheduled;
  const isVoid = (delivery = '') => api.verdicts.isVoid({ id: 'job-1', delivery });
  expect([isVoid(first?.delivery), isVoid(second?.delivery)]).toEqual([true, false]);
  expect(first?.delivery).not.toBe(second?.delivery);
});
