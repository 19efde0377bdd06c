import { type Api, startApi } from './api';
import { exchange, openConnection } from './raw';

/** Headers and body of an answer that came as bytes. */
function parsed(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, body: JSON.parse(body) };
}

function expectProblem(answer: string, status: number, kind: string) {
  const { status: answered, head, body } = parsed(answer);
  expect(answered).toBe(status);
  expect(head).toMatch(/^Content-Type: application\/problem\+json/m);
  expect(head).toMatch(/^Connection: close/m);
  expect(head).toMatch(/^X-Request-Id: [\da-f-]{36}/m);
  expect(body).toMatchObject({ type: `urn:delay-broker:problem:${kind}`, status });
  expect(body.detail).toEqual(expect.any(String));
}

describe('within the usual limits', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.close());

  test('a URL may have 8,192 characters and no more', async () => {
    const path = '/livez?'.padEnd(8_192, 'x');
    expect((await api.request(path)).status).toBe(200);
    const { status, headers, body } = await api.request(`${path}x`);
    expect([status, body.type]).toEqual([414, 'urn:delay-broker:problem:url-too-long']);
    expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
  });

  test('headers of 15 KiB are read, of 16 KiB refused', async () => {
    const get = (bytes: number) =>
      exchange(
        api.port,
        `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`,
      );
    expect(await get(15 * 1024)).toMatch(/^HTTP\/1\.1 200 /);
    expectProblem(await get(16 * 1024), 431, 'headers-too-large');
    expectProblem(await get(1024 * 1024), 431, 'headers-too-large');
  });

  test('a URL beyond all headers is refused like them', async () => {
    const answer = await exchange(api.port, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expectProblem(answer, 431, 'headers-too-large');
  });

  test.each([
    ['no HTTP at all', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n'],
    ['another version', 'GET / HTTP/9.9\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['a header over two lines', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n'],
    [
      'a chunk that is none',
      'POST /submit-order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
  ])('%s is answered 400', async (_, request) => {
    expectProblem(await exchange(api.port, request), 400, 'bad-request');
  });
});

describe('a client that is slow', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200, checkEveryMs: 20 } });
  });
  afterAll(() => api.close());

  test.each([
    ['that says nothing', ''],
    ['with its headers', 'GET /livez HTTP/1.1\r\nHost: x\r\n'],
    [
      'with its body',
      'POST /submit-order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ],
  ])('%s is answered 408, and the connection closed', async (_, begun) => {
    expectProblem(await exchange(api.port, begun), 408, 'request-timeout');
    expect(api.scheduled).toEqual([]);
  });
});

describe('connections', () => {
  const GET = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
  let api: Api;
  beforeEach(async () => {
    api = await startApi({ limits: { keepAliveTimeoutMs: 100, connections: 2 } });
  });
  afterEach(() => api.close());

  test('are closed when they are idle', async () => {
    expect(await exchange(api.port, GET)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('that are more than allowed are closed, which is logged once, and there is room again when one ends', async () => {
    const [first] = [await openConnection(api.port), await openConnection(api.port)];
    const refused = [await openConnection(api.port), await openConnection(api.port)];
    expect(await Promise.all(refused.map(({ untilClosed }) => untilClosed))).toEqual(['', '']);
    expect(api.log.lines).toEqual([
      { level: 'warn', event: 'connections refused', connections: 2, setting: 'MAX_CONNECTIONS' },
    ]);
    first?.socket.write(GET);
    expect(await first?.untilClosed).toMatch(/^HTTP\/1\.1 200 /);
    expect(await exchange(api.port, GET)).toMatch(/^HTTP\/1\.1 200 /);
  });
});
