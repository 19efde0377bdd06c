import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ACCEPTED_BODIES, type Answer, type Api, PATHS, startApi } from './api';

const LIMIT_BYTES = 256 * 1024;
const JSON_TYPE = { 'Content-Type': 'application/json' };

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const send = (path: string, body?: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) =>
  api.request(path, { method: 'POST', headers, ...(body !== undefined && { body: Buffer.from(body) }) });

const expectProblem = (answer: Answer, status: number, kind: string) => {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ type: `urn:delay-broker:problem:${kind}`, status });
  expect(answer.body.detail).toEqual(expect.any(String));
};

describe.each(PATHS)('POST %s', (path) => {
  test.each<[string, string | Uint8Array | undefined, Record<string, string>?]>([
    ['nothing', undefined],
    ['nothing at all, not even a type', undefined, {}],
    ['an empty text', ''],
    ['plain text', 'hello'],
    ['JSON cut short', '{"order_id": "A1"'],
    ['two objects', '{}{}'],
    ['a NUL byte', '{"order_id": "A\0"}'],
    ['a lone NUL', '\0'],
    ['no UTF-8', Buffer.from('{"order_id": "\xff"}', 'latin1')],
    [
      'UTF-16',
      Buffer.from('{"order_id": "A1"}', 'utf16le'),
      { 'Content-Type': 'application/json; charset=utf-16' },
    ],
    ['deep nesting', '['.repeat(LIMIT_BYTES / 2) + ']'.repeat(LIMIT_BYTES / 2)],
    ['an array', '[{"order_id": "A1"}]'],
    ['a string', '"A1"'],
    ['a number', '7'],
    ['null', 'null'],
    ['__proto__', '{"order_id": "A1", "__proto__": {"admin": true}}'],
    ['a nested __proto__', '{"to": "emails", "payload": {"variables": {"__proto__": {"a": 1}}}}'],
    ['a form', 'order_id=A1', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['JSON marked as text', '{"order_id": "A1"}', { 'Content-Type': 'text/plain' }],
    ['JSON marked as nonsense', '{"order_id": "A1"}', { 'Content-Type': 'json;;;' }],
  ])('%s is refused, and the answer says to send JSON', async (_, body, headers = JSON_TYPE) => {
    const answer = await send(path, body, headers);
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual([
      {
        loc: ['body'],
        msg: expect.stringContaining('; send a JSON object with Content-Type: application/json'),
        type: expect.stringMatching(/^json_(missing|invalid)$/),
      },
    ]);
  });

  test('a body may have 256 KiB, and no byte more, compressed or not', async () => {
    const padded = (bytes: number) => JSON.stringify(ACCEPTED_BODIES[path]).padEnd(bytes);
    const gzip = { ...JSON_TYPE, 'Content-Encoding': 'gzip' };
    expect((await send(path, padded(LIMIT_BYTES))).status).toBe(202);
    expect((await send(path, gzipSync(padded(LIMIT_BYTES)), gzip)).status).toBe(202);
    expectProblem(await send(path, padded(LIMIT_BYTES + 1)), 413, 'too-large');
    expectProblem(await send(path, gzipSync(padded(LIMIT_BYTES + 1)), gzip), 413, 'too-large');
  });

  test('JSON is taken whatever the case and parameters of its type, and with a byte order mark', async () => {
    const json = JSON.stringify(ACCEPTED_BODIES[path]);
    const type = { 'Content-Type': 'Application/JSON; charset=UTF-8' };
    expect((await send(path, `\ufeff${json}`, type)).status).toBe(202);
  });

  test("what is compressed wrongly or in an unknown way is the client's fault", async () => {
    const encoded = (encoding: string) =>
      send(path, 'not so', { ...JSON_TYPE, 'Content-Encoding': encoding });
    expectProblem(await encoded('gzip'), 400, 'bad-request');
    expectProblem(await encoded('br'), 400, 'bad-request');
    expectProblem(await encoded('secret'), 415, 'bad-request');
  });

  test.each([
    ['application/problem+json', true],
    ['application/problem+json, application/json', true],
    ['application/json, application/problem+json;q=0.5', false],
    ['application/json', false],
    ['*/*', false],
    ['text/html', false],
    ['nonsense', false],
  ])('faults come as problem details to who accepts %s: %s', async (Accept, asProblem) => {
    const answer = await api.post(path, { wrong: 1 }, { Accept });
    expect(answer.headers.get('Vary')).toBe('Accept');
    if (!asProblem) {
      expect(answer.headers.get('Content-Type')).toMatch(/^application\/json/);
      expect(answer.body.detail).toContainEqual({
        loc: ['body', 'wrong'],
        msg: 'unknown field',
        type: 'unknown_field',
      });
      return;
    }
    expectProblem(answer, 422, 'invalid-request');
    expect(answer.body.errors).toContainEqual({
      loc: ['body', 'wrong'],
      msg: 'unknown field',
      type: 'unknown_field',
    });
  });
});

/** Bodies near enough to right ones to get past the first check. */
const nearlyRight = fc.record(
  Object.fromEntries(
    Object.entries({
      order_id: 'A1',
      expire_minutes: 30,
      email: 'ann@example.com',
      template: 'welcome',
      to: 'orders',
      payload: { order_id: 'A1', expire_minutes: 30 },
      delay: '3s',
      delay_ms: 3_000,
      deliver_at: '2026-11-21T00:00:00Z',
    }).map(([field, right]) => [field, fc.oneof(fc.constant(right), fc.jsonValue())]),
  ),
  { requiredKeys: [] },
);

test('whatever JSON is sent anywhere, it is accepted or its faults are named', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...PATHS), fc.oneof(fc.jsonValue(), nearlyRight), async (path, body) => {
      const { status, body: answer } = await api.post(path, body);
      if (status === 202) return;
      expect(status).toBe(422);
      expect(answer.detail.length).toBeGreaterThan(0);
      for (const { loc, msg, type } of answer.detail)
        expect([loc[0], typeof msg, typeof type]).toEqual(['body', 'string', 'string']);
    }),
    { numRuns: 500 },
  );
});
