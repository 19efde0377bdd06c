/** Ten thousand requests such as nobody means to send: none is answered 5xx, none hangs, none ends the server. */
import { Agent, request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { ACCEPTED_BODIES, type Api, startApi } from './api';
import { openConnection, statusesIn } from './raw';

/** Far more than any answer takes; what takes longer hangs. */
const ANSWER_WITHIN_MS = 20_000;
const AT_ONCE = 20;

const shop = newApiKey('shop', ['orders']);
let api: Api;
let agent: Agent;
beforeAll(async () => {
  api = await startApi({
    access: { keys: parseApiKeys(shop.entry), publicPaths: ['/livez'], trustedProxies: 1 },
  });
  agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
});
afterAll(async () => {
  agent.destroy();
  await api.close();
});
afterEach(async () => {
  expect((await api.request('/livez')).status).toBe(200);
  expect(api.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

const PATHS = [
  ...Object.keys(ACCEPTED_BODIES),
  '/v1/parked',
  '/v1/parked/orders',
  '/v1/parked/orders/redrive',
  '/v1/messages/01M889VR5RKR4H2ZHM05H1PH96',
  '/v1/messages/01M889VR5RKR4H2ZHM05H1PH96/run-now',
  '/v1/overview',
  '/v1/report',
  '/orders/A1/paid',
  '/metrics',
  '/livez',
  '/readyz',
];

/** Characters that node:http lets through in a path, and that mean something in one. */
const oddities = fc.string({
  unit: fc.constantFrom(...'%0aF/.?&=;:@#[]{}\\|"\'<>~^`é\u00ff'.split('')),
  maxLength: 30,
});
const path = fc
  .oneof(
    { weight: 4, arbitrary: fc.constantFrom(...PATHS) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constantFrom(...PATHS), oddities).map(([known, odd]) => known + odd),
    },
    { weight: 1, arbitrary: oddities.map((odd) => `/${odd}`) },
    { weight: 1, arbitrary: fc.webPath().map((any) => `/${any}`) },
  )
  .map((text) => text.replace(/^\/?/, '/'));

/** What a header may consist of (RFC 9110, 5.5). */
const value = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const headers = fc
  .record(
    {
      authorization: fc.oneof(
        { weight: 5, arbitrary: fc.constant(`Bearer ${shop.key}`) },
        { weight: 1, arbitrary: value },
        { weight: 1, arbitrary: value.map((text) => `Bearer ${text}`) },
      ),
      'content-type': fc.oneof(
        { weight: 5, arbitrary: fc.constant('application/json') },
        { weight: 1, arbitrary: value },
      ),
      'content-encoding': fc.oneof(fc.constantFrom('gzip', 'deflate', 'br', 'identity'), value),
      accept: fc.oneof(fc.constantFrom('application/problem+json', '*/*'), value),
      'x-request-id': value,
      'x-forwarded-for': fc.oneof(fc.ipV4(), fc.ipV6(), value),
      'x-forwarded-proto': value,
      'if-none-match': value,
      range: value,
      cookie: value,
    },
    { requiredKeys: [] },
  )
  // Encoded bodies are an exception, or no other would ever be looked at.
  .map(({ 'content-encoding': encoding, ...others }) =>
    others.cookie === undefined ? others : { ...others, ...(encoding && { 'content-encoding': encoding }) },
  );

const nearlyRight = fc
  .tuple(
    fc.constantFrom(...Object.values(ACCEPTED_BODIES)),
    fc.dictionary(fc.string(), fc.jsonValue()),
    fc.jsonValue(),
  )
  .map(([right, more, odd]) => {
    const [field = ''] = Object.keys(right);
    return JSON.stringify({ ...right, ...more, ...(odd !== null && { [field]: odd }) });
  });
const body = fc.oneof(
  { weight: 1, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...Object.values(ACCEPTED_BODIES).map((right) => JSON.stringify(right))),
  },
  { weight: 2, arbitrary: nearlyRight },
  { weight: 2, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
);

const anyRequest = fc.record({
  method: fc.constantFrom(
    'GET',
    'POST',
    'POST',
    'POST',
    'DELETE',
    'PUT',
    'PATCH',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PURGE',
  ),
  path,
  headers,
  body,
});

/** So that not only what is refused at the door is tried: what is right, with a key that is good for some of it. */
const rightRequest = fc
  .constantFrom(
    ...Object.entries(ACCEPTED_BODIES).map(([path, right]) => ({ path, body: JSON.stringify(right) })),
    { path: '/v1/parked/orders/redrive', body: undefined },
    { path: '/v1/parked/delay.unroutable/redrive', body: undefined },
  )
  .map((right) => ({
    ...right,
    method: 'POST' as const,
    headers: { authorization: `Bearer ${shop.key}`, 'content-type': 'application/json' },
  }));

const request = fc.oneof({ weight: 9, arbitrary: anyRequest }, { weight: 1, arbitrary: rightRequest });
type FuzzedRequest = typeof request extends fc.Arbitrary<infer Request> ? Request : never;

function statusOf({ method, path, headers, body }: FuzzedRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    // By itself node:http would send some methods' bodies without saying that there is one.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = httpRequest(
      {
        host: '127.0.0.1',
        port: api.port,
        agent,
        method,
        path: encodeURI(path),
        headers: { ...headers, ...length },
        timeout: ANSWER_WITHIN_MS,
      },
      (answer) =>
        answer
          .on('error', reject)
          .once('end', () => resolve(answer.statusCode ?? 0))
          .resume(),
    );
    sent.once('timeout', () => sent.destroy(new Error('no answer'))).once('error', reject);
    sent.end(body);
  });
}

test('8,000 requests with any path, headers and body are answered, all kinds of answers among them', async () => {
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
      for (const status of await Promise.all(requests.map(statusOf))) {
        expect(status).toBeGreaterThanOrEqual(200);
        expect(status).toBeLessThan(500);
        seen.set(status, (seen.get(status) ?? 0) + 1);
      }
    }),
    { numRuns: 8_000 / AT_ONCE },
  );
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 202, 401, 403, 404, 405, 422]));
});

/** Pieces of HTTP in an order that makes sense only sometimes. */
const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      'GET /livez HTTP/1.1\r\n',
      'POST /submit-order HTTP/1.1\r\n',
      'Host: x\r\n',
      `Authorization: Bearer ${shop.key}\r\n`,
      'Content-Type: application/json\r\n',
      'Content-Length: 17\r\n',
      'Content-Length: -1\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Transfer-Encoding: gzip, chunked\r\n',
      'Expect: 100-continue\r\n',
      'Expect: wonders\r\n',
      'Connection: upgrade\r\nUpgrade: websocket\r\n',
      'CONNECT x:1 HTTP/1.1\r\n',
      'GET * HTTP/1.1\r\n',
      'GET http://x:99999/livez HTTP/1.0\r\n',
      '\r\n',
      '0\r\n\r\n',
      '11\r\n',
      '{"order_id":"A1"}',
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  ),
  { maxLength: 12 },
);

async function statusesOf(bytes: string): Promise<number[]> {
  const { socket, untilClosed } = await openConnection(api.port);
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error('not closed')));
  let hung = false;
  socket.once('timeout', () => {
    hung = true;
  });
  socket.end(bytes);
  const answer = await untilClosed;
  expect(hung).toBe(false);
  return statusesIn(answer);
}

test('2,000 connections with pieces of requests are closed, and nothing on them is answered 5xx', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (connections) => {
      const statuses = await Promise.all(connections.map((bytes) => statusesOf(bytes.join(''))));
      expect(statuses.flat().filter((status) => status >= 500)).toEqual([]);
    }),
    { numRuns: 2_000 / AT_ONCE },
  );
});
