import { type Api, ID, inShort, NOW, startApi } from './api';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const post = (body: object) => api.post('/welcome-email', body);

test('a welcome mail goes out in three seconds', async () => {
  const { status, body } = await post({ email: 'ann@example.com' });
  expect(status).toBe(202);
  expect(body).toEqual({
    msg: 'mail to ann@example.com goes out in 3 seconds',
    id: expect.stringMatching(ID),
    due_at: '2026-11-20T12:00:03.000Z',
  });
  expect(api.scheduled).toEqual([
    { to: 'emails', payload: { email: 'ann@example.com', template: 'welcome' }, dueAt: NOW + 3_000 },
  ]);
});

test('another template can be chosen', async () => {
  expect((await post({ email: 'ann@example.com', template: 'reminder' })).status).toBe(202);
  expect(api.scheduled.at(-1)).toMatchObject({ payload: { template: 'reminder' } });
});

test.each(['a+tag@sub.example.co.uk', "o'neil@example.com"])('%s is an address', async (email) => {
  expect((await post({ email })).status).toBe(202);
});

test.each<[object, string, string]>([
  [{}, 'body.email missing', 'field required'],
  [{ email: 7 }, 'body.email wrong_type', 'string'],
  [{ email: ['ann@example.com'] }, 'body.email wrong_type', 'string'],
  [{ email: '' }, 'body.email invalid_format', 'must be an e-mail address'],
  [{ email: 'ann' }, 'body.email invalid_format', 'must be an e-mail address'],
  [{ email: 'ann@example.com, bob@example.com' }, 'body.email invalid_format', 'must be an e-mail address'],
  [{ email: 'Ann <ann@example.com>' }, 'body.email invalid_format', 'must be an e-mail address'],
  [{ email: 'ann@example.com\r\nBcc: bob@example.com' }, 'body.email invalid_format', 'line breaks'],
  [{ email: 'ann@example.com\n' }, 'body.email invalid_format', 'line breaks'],
  [{ email: 'ann\0@example.com' }, 'body.email invalid_format', 'control characters'],
  [{ email: 'ann@example.com\u2028' }, 'body.email invalid_format', 'must be an e-mail address'],
  [{ email: 'ann@example.com', template: 'farewell' }, 'body.template invalid_value', 'welcome, reminder'],
  [{ email: 'ann@example.com', template: '../welcome' }, 'body.template invalid_value', 'welcome, reminder'],
  [{ email: 'ann@example.com', template: '' }, 'body.template invalid_value', 'welcome, reminder'],
  [{ email: 'ann@example.com', template: 1 }, 'body.template wrong_type', 'string'],
  [{ email: 'ann@example.com', cc: 'bob@example.com' }, 'body.cc unknown_field', 'unknown field'],
])('%j is refused: %s', async (body, fault, says) => {
  const answer = await post(body);
  expect(answer.status).toBe(422);
  expect(answer.body.detail.map(inShort)).toEqual([fault]);
  expect(answer.body.detail[0]?.msg).toContain(says);
});

test('an address has 128 characters at most', async () => {
  expect((await post({ email: `${'x'.repeat(116)}@example.com` })).status).toBe(202);
  const { status, body } = await post({ email: `${'x'.repeat(117)}@example.com` });
  expect([status, ...body.detail.map(inShort)]).toEqual([422, 'body.email too_big']);
});

test('every fault is reported at once', async () => {
  const { body } = await post({ email: 'ann\n', template: 'farewell', cc: 1 });
  expect(body.detail.map(inShort)).toEqual([
    'body.email invalid_format',
    'body.template invalid_value',
    'body.cc unknown_field',
  ]);
});
