import { ACCEPTED_BODIES, type Api, EMPTY_LOT, OPEN, problemIn, startApi } from './api';

const redriven: string[] = [];
let api: Api;
let host: string;
beforeAll(async () => {
  api = await startApi({
    parkingLot: {
      ...EMPTY_LOT,
      redrive: async (target) => {
        redriven.push(target);
        return { redriven: 1, notRedriven: [], notFound: [] };
      },
    },
  });
  host = `127.0.0.1:${api.port}`;
});
afterAll(() => api.close());
beforeEach(() => {
  redriven.length = 0;
  api.scheduled.length = 0;
});

const redrive = (headers: Record<string, string>) =>
  api.request('/v1/parked/orders/redrive', { method: 'POST', headers });

test.each<Record<string, string>>([
  { 'Sec-Fetch-Site': 'cross-site' },
  { 'Sec-Fetch-Site': 'same-site' },
  { 'Sec-Fetch-Site': 'something new' },
  { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://example.com' },
  { Origin: 'https://example.com' },
  { Origin: 'http://localhost:3000' },
  { Origin: 'http://127.0.0.1' },
  { Origin: 'null' },
  { Origin: 'file://' },
  { Origin: '' },
])('a POST with %j is refused', async (headers) => {
  const answer = await redrive(headers);
  expect(problemIn(answer)).toBe('403 cross-site');
  expect(answer.body.detail).toMatch(/^A browser sent this for the page of another site or port\./);
  expect(redriven).toEqual([]);
});

test.each<[string, () => Record<string, string>]>([
  ['none of these headers, as programs send it', () => ({})],
  ['a page of its own', () => ({ 'Sec-Fetch-Site': 'same-origin' })],
  ['a person', () => ({ 'Sec-Fetch-Site': 'none' })],
  ['its own origin', () => ({ Origin: `http://${host}` })],
  // Behind a proxy that changes Host the browser knows better.
  [
    'a page of its own behind a proxy',
    () => ({ 'Sec-Fetch-Site': 'same-origin', Origin: 'https://a.example' }),
  ],
])('a POST with %s is carried out', async (_, headers) => {
  expect((await redrive(headers())).status).toBe(200);
  expect(redriven).toEqual(['orders']);
});

test.each([
  ['POST', '/v1/messages/a/run-now'],
  ['POST', '/orders/A1/paid'],
  ['PATCH', '/v1/messages/a'],
  ['DELETE', '/v1/messages/a'],
  ['OPTIONS', '/v1/messages/a'],
  ['POST', '/nowhere'],
  ...Object.keys(ACCEPTED_BODIES).map((path) => ['POST', path]),
])('so is %s %s', async (method = '', path = '') => {
  const body = method === 'POST' ? JSON.stringify(ACCEPTED_BODIES[path] ?? {}) : undefined;
  const headers = { 'Sec-Fetch-Site': 'cross-site', 'Content-Type': 'application/json' };
  const answer = await api.request(path, { method, headers, ...(body !== undefined && { body }) });
  expect(problemIn(answer)).toBe('403 cross-site');
  expect(api.scheduled).toEqual([]);
});

test.each(['/livez', '/v1/messages', '/openapi.json'])('%s may be followed from anywhere', async (path) => {
  for (const method of ['GET', 'HEAD']) {
    const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
    expect((await api.request(path, { method, headers })).status).toBe(200);
  }
});

test("behind a trusted proxy it is the browser's host that counts, with or without the scheme's own port", async () => {
  const proxied = await startApi({ access: { ...OPEN, trustedProxies: ['loopback'] } });
  try {
    const paid = (forwarded: string) =>
      proxied.request('/orders/A1/paid', {
        method: 'POST',
        headers: { Origin: 'https://api.example', 'X-Forwarded-Host': forwarded },
      });
    expect((await paid('api.example')).status).toBe(404);
    expect((await paid('api.example:443')).status).toBe(404);
    expect((await paid('api.example:444')).status).toBe(403);
    expect((await paid('other.example')).status).toBe(403);
  } finally {
    await proxied.close();
  }
});
