import { type Api, ID, inShort, NOW, startApi } from './api';

const LONGEST_MS = 3650 * 86_400_000;
const order = { to: 'orders', payload: { order_id: 'A1', expire_minutes: 30 } };
const mail = { to: 'emails', payload: { email: 'ann@example.com', template: 'welcome' } };

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const post = (body: object) => api.post('/v1/messages', body);

test('a message is accepted; its address is in Location', async () => {
  const { status, headers, body } = await post({ ...order, delay: '1h30m' });
  expect(status).toBe(202);
  expect(body).toEqual({
    id: expect.stringMatching(ID),
    to: 'orders',
    status: 'scheduled',
    due_at: '2026-11-20T13:30:00.000Z',
  });
  expect(headers.get('Location')).toBe(`/v1/messages/${body.id}`);
  expect(api.scheduled).toEqual([{ ...order, dueAt: NOW + 5_400_000 }]);
});

test.each<[object, number]>([
  [{ delay: '30m' }, 1_800_000],
  [{ delay: 'PT30M' }, 1_800_000],
  [{ delay: '500ms' }, 500],
  [{ delay: '0s' }, 0],
  [{ delay: '3650d' }, LONGEST_MS],
  [{ delay_ms: 0 }, 0],
  [{ delay_ms: 1 }, 1],
  [{ delay_ms: LONGEST_MS }, LONGEST_MS],
  [{ deliver_at: '2026-11-20T12:00:01Z' }, 1_000],
  [{ deliver_at: '2026-11-20T13:00:01.250+01:00' }, 1_250],
  [{ deliver_at: '2026-11-20T12:00:00.0001Z' }, 1],
  [{ deliver_at: '2028-02-29T12:00:00Z' }, 466 * 86_400_000],
  [{ deliver_at: new Date(NOW + LONGEST_MS).toISOString() }, LONGEST_MS],
])('%j is due after %d ms', async (when, delayMs) => {
  expect((await post({ ...order, ...when })).status).toBe(202);
  expect((api.scheduled.at(-1)?.dueAt ?? 0) - NOW).toBe(delayMs);
});

test('a deliver_at in the past is due now', async () => {
  const { status, body } = await post({ ...order, deliver_at: '1999-12-31T23:59:59Z' });
  expect(status).toBe(202);
  expect(body.due_at).toBe('2026-11-20T12:00:00.000Z');
});

test('a message may say how it is to be tried again', async () => {
  await post({ ...order, delay: '1s', retry: { max_attempts: 3, base: '30s', cap: 'PT1H' } });
  expect(api.scheduled.at(-1)?.retry).toEqual({ maxAttempts: 3, baseMs: 30_000, capMs: 3_600_000 });
  await post({ ...order, delay: '1s', retry: { max_attempts: 1 } });
  expect(api.scheduled.at(-1)?.retry).toEqual({ maxAttempts: 1 });
});

test.each<[unknown, string[]]>([
  [3, ['body.retry wrong_type']],
  [{ attempts: 3 }, ['body.retry.attempts unknown_field']],
  [
    { max_attempts: 0, base: '30 bananas', cap: '4000d' },
    ['body.retry.max_attempts too_small', 'body.retry.base invalid_value', 'body.retry.cap invalid_value'],
  ],
  [{ max_attempts: 1_001 }, ['body.retry.max_attempts too_big']],
  [{ max_attempts: 1.5, base: 30 }, ['body.retry.max_attempts wrong_type', 'body.retry.base wrong_type']],
])('retry %j is refused', async (retry, faults) => {
  const { status, body } = await post({ ...order, delay: '1s', retry });
  expect(status).toBe(422);
  expect(body.detail.map(inShort)).toEqual(faults);
});

test.each([undefined, 'x', 'ann@example.com, № 7', 'x'.repeat(128)])(
  'it may have the key %j',
  async (key) => {
    const { status, body } = await post({ ...order, delay: '1s', key });
    expect([status, body]).toEqual([202, expect.not.objectContaining({ key: expect.anything() })]);
    const { body: message } = await api.request(`/v1/messages/${body.id}`);
    expect([message.id, message.key]).toEqual([body.id, key]);
  },
);

test('messages may share a key', async () => {
  const answers = [
    await post({ ...order, delay: '1s', key: 'shared' }),
    await post({ ...mail, delay: '2s', key: 'shared' }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([202, 202]);
  expect(answers[0]?.body.id).not.toBe(answers[1]?.body.id);
});

test.each<[unknown, string]>([
  ['', 'body.key too_small'],
  ['x'.repeat(129), 'body.key too_big'],
  [7, 'body.key wrong_type'],
  [null, 'body.key wrong_type'],
])('the key %j is refused: %s', async (key, fault) => {
  const { status, body } = await post({ ...order, delay: '1s', key });
  expect([status, ...body.detail.map(inShort)]).toEqual([422, fault]);
});

test('a mail is welcome unless another template is asked for, and may have variables', async () => {
  const variables = { title: 'Planning', seats: 7, online: true, constructor: 'x' };
  await post({ to: 'emails', payload: { email: 'ann@example.com', variables }, delay_ms: 1 });
  expect(api.scheduled.at(-1)?.payload).toEqual({ ...mail.payload, variables });
});

test.each<[object, string[]]>([
  [{}, ['body.delay missing']],
  [{ delay: '3s', delay_ms: 3_000 }, ['body.delay_ms conflict']],
  [{ delay_ms: 3_000, deliver_at: '2027-01-01T00:00:00Z' }, ['body.deliver_at conflict']],
  [
    { delay: '3s', delay_ms: 3_000, deliver_at: '2027-01-01T00:00:00Z' },
    ['body.delay_ms conflict', 'body.deliver_at conflict'],
  ],
  [{ delay: '30 bananas' }, ['body.delay invalid_value']],
  [{ delay: '' }, ['body.delay invalid_value']],
  [{ delay: '-5s' }, ['body.delay invalid_value']],
  [{ delay: 30 }, ['body.delay wrong_type']],
  [{ delay: null }, ['body.delay wrong_type']],
  [{ delay: '3650d1ms' }, ['body.delay invalid_value']],
  [{ delay_ms: '3000' }, ['body.delay_ms wrong_type']],
  [{ delay_ms: 0.5 }, ['body.delay_ms wrong_type']],
  [{ delay_ms: -1 }, ['body.delay_ms too_small']],
  [{ delay_ms: LONGEST_MS + 1 }, ['body.delay_ms too_big']],
  [{ deliver_at: 1_800_000_000 }, ['body.deliver_at wrong_type']],
  [{ deliver_at: 'tomorrow' }, ['body.deliver_at invalid_format']],
  [{ deliver_at: '2026-12-24' }, ['body.deliver_at invalid_format']],
  [{ deliver_at: '2026-12-24T18:00:00' }, ['body.deliver_at invalid_format']],
  [{ deliver_at: '2026-02-30T18:00:00Z' }, ['body.deliver_at invalid_format']],
  [{ deliver_at: '2027-02-29T18:00:00Z' }, ['body.deliver_at invalid_format']],
  [{ deliver_at: '2026-12-24T24:30:00Z' }, ['body.deliver_at invalid_format']],
  [{ deliver_at: '+012026-12-24T18:00:00Z' }, ['body.deliver_at invalid_format']],
  [{ deliver_at: new Date(NOW + LONGEST_MS + 1).toISOString() }, ['body.deliver_at invalid_value']],
])('when: %j is refused', async (when, faults) => {
  const { status, body } = await post({ ...order, ...when });
  expect(status).toBe(422);
  expect(body.detail.map(inShort)).toEqual(faults);
});

test.each<[object, string[]]>([
  [{ payload: {} }, ['body.to missing']],
  [{ to: 'orders' }, ['body.payload missing']],
  [{}, ['body.to missing', 'body.payload missing']],
  [{ to: 'nowhere', payload: {} }, ['body.to invalid_value']],
  [{ to: '__proto__', payload: {} }, ['body.to invalid_value']],
  [{ to: 7, payload: {} }, ['body.to invalid_value']],
  [{ ...order, urgent: true }, ['body.urgent unknown_field']],
  [{ to: 'orders', payload: 'A1' }, ['body.payload wrong_type']],
  [{ to: 'orders', payload: [] }, ['body.payload wrong_type']],
  [{ to: 'orders', payload: null }, ['body.payload wrong_type']],
  [
    { to: 'orders', payload: { order_id: '', expire_minutes: -1, paid: 1 } },
    [
      'body.payload.order_id too_small',
      'body.payload.expire_minutes too_small',
      'body.payload.paid unknown_field',
    ],
  ],
  [
    { to: 'emails', payload: { email: 'ann\nBcc: bob@example.com', template: 'farewell' } },
    ['body.payload.email invalid_format', 'body.payload.template invalid_value'],
  ],
  [
    { to: 'emails', payload: { ...mail.payload, variables: { a: {}, b: null, '': 1 } } },
    [
      'body.payload.variables.a invalid_value',
      'body.payload.variables.b invalid_value',
      'body.payload.variables. invalid_value',
    ],
  ],
])('what: %j is refused', async (what, faults) => {
  const { status, body } = await post({ ...what, delay: '3s' });
  expect(status).toBe(422);
  expect(body.detail.map(inShort)).toEqual(faults);
});

test.each<[string, object, string]>([
  ['a delay beyond all numbers', { ...order, delay: `${'9'.repeat(400)}d` }, 'body.delay invalid_value'],
  [
    'a variable of more than 1000 characters',
    { to: 'emails', payload: { ...mail.payload, variables: { a: 'x'.repeat(1001) } }, delay: '3s' },
    'body.payload.variables.a too_big',
  ],
])('%s is refused', async (_, body, fault) => {
  const answer = await post(body);
  expect([answer.status, ...answer.body.detail.map(inShort)]).toEqual([422, fault]);
});

test('every fault is reported at once, each with a sentence', async () => {
  const { body } = await post({
    to: 'emails',
    payload: { email: 'ann', subject: 'x' },
    delay: '30 bananas',
    delay_ms: -1,
    deliver_at: '2026-02-30T18:00:00Z',
    urgent: true,
  });
  expect(body.detail).toEqual([
    {
      loc: ['body', 'delay'],
      msg: 'must be a duration such as "30m", "1h30m", "500ms" or "PT30M"',
      type: 'invalid_value',
    },
    { loc: ['body', 'delay_ms'], msg: expect.stringContaining('>=0'), type: 'too_small' },
    {
      loc: ['body', 'deliver_at'],
      msg: 'must be an RFC 3339 date and time with offset, such as "2026-12-24T18:00:00+01:00"',
      type: 'invalid_format',
    },
    { loc: ['body', 'urgent'], msg: 'unknown field', type: 'unknown_field' },
    {
      loc: ['body', 'delay_ms'],
      msg: 'exactly one of delay, delay_ms, deliver_at is needed, but delay is there too',
      type: 'conflict',
    },
    {
      loc: ['body', 'deliver_at'],
      msg: 'exactly one of delay, delay_ms, deliver_at is needed, but delay is there too',
      type: 'conflict',
    },
    { loc: ['body', 'payload', 'email'], msg: 'must be an e-mail address', type: 'invalid_format' },
    { loc: ['body', 'payload', 'subject'], msg: 'unknown field', type: 'unknown_field' },
  ]);
});
