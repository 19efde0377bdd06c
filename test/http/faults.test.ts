/** How faults are told: plain, or as problem details to who asks for them, whatever the request carried. */
import { type Answer, type Api, startApi } from './api';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const post = (path: string, type: string, body: string, more: Record<string, string> = {}) => ({
  path,
  init: { method: 'POST', headers: { 'Content-Type': type, ...more }, body },
});

const message = JSON.stringify({ to: 'orders', payload: { order_id: 'A1' }, delay: '1s' });

describe.each([
  ['a JSON body', post('/submit-order', 'application/json', '{}'), ['body', 'order_id']],
  ['a body that is no JSON', post('/v1/messages', 'application/json', '{'), ['body']],
  ['a JSON array', post('/v1/messages/batch', 'application/json', '[]'), ['body']],
  ['NDJSON', post('/v1/messages/batch', 'application/x-ndjson', '\n'), ['body']],
  ['a query', { path: '/v1/messages?limit=0', init: { headers: {} } }, ['query', 'limit']],
  [
    'a header',
    post('/v1/messages', 'application/json', message, { 'Idempotency-Key': 'a b' }),
    ['header', 'Idempotency-Key'],
  ],
])('the faults of %s', (_, { path, init }, loc) => {
  const ask = (Accept: string): Promise<Answer> =>
    api.request(path, { ...init, headers: { ...init.headers, Accept } });

  test('are told plainly', async () => {
    const { status, headers, body } = await ask('application/json');
    expect([status, headers.get('Vary')]).toEqual([422, 'Accept']);
    expect(headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(body).toEqual({ detail: [{ loc, msg: expect.any(String), type: expect.any(String) }] });
  });

  test('are told as problem details to who prefers them', async () => {
    const { status, headers, body } = await ask('application/problem+json');
    expect([status, headers.get('Vary')]).toEqual([422, 'Accept']);
    expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(body).toEqual({
      type: 'urn:delay-broker:problem:invalid-request',
      title: 'Invalid request',
      status: 422,
      detail: 'The request is not valid.',
      errors: [{ loc, msg: expect.any(String), type: expect.any(String) }],
    });
  });
});
