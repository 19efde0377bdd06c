import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { parseRateLimit } from '../../src/http/rate-limit';
import { type Api, startApi } from './api';

test.each([
  ['100/s', { requests: 100, windowMs: 1_000 }],
  [' 6000/min ', { requests: 6_000, windowMs: 60_000 }],
  ['1/s', { requests: 1, windowMs: 1_000 }],
])('%s is read', (text, limit) => {
  expect(parseRateLimit(text)).toEqual(limit);
});

test.each(['100', '0/s', '-1/s', '1.5/s', '100/h', '/s', '100/', '100 / s', '1e3/s'])(
  '%s is no rate',
  (text) => {
    expect(() => parseRateLimit(text)).toThrow('must be a rate such as 100/s or 6000/min');
  },
);

describe('with three requests a minute', () => {
  const shop = newApiKey('shop');
  const shopToo = newApiKey('shop');
  const crm = newApiKey('crm');
  const keys = parseApiKeys([shop, shopToo, crm].map(({ entry }) => entry).join(','));
  let api: Api;
  beforeEach(async () => {
    const access = { keys, publicPaths: ['/livez'], rateLimit: parseRateLimit('3/min'), trustedProxies: 1 };
    api = await startApi({ access });
  });
  afterEach(() => api.close());

  let orders = 0;
  const submit = (headers: Record<string, string>) =>
    api.post('/submit-order', { order_id: `A${orders++}` }, headers);
  const bearing = ({ key }: { key: string }) => ({ Authorization: `Bearer ${key}` });

  test('the fourth is answered 429 with when to go on', async () => {
    const left = [];
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await submit(bearing(shop));
      expect(status).toBe(202);
      expect(headers.get('RateLimit-Policy')).toMatch(/; q=3; w=60; /);
      left.push(/; r=(\d);/.exec(headers.get('RateLimit') ?? '')?.[1]);
    }
    expect(left).toEqual(['2', '1', '0']);

    const { status, headers, body } = await submit(bearing(shop));
    expect([status, body.type]).toEqual([429, 'urn:delay-broker:problem:too-many-requests']);
    expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(Number(headers.get('Retry-After'))).toBeLessThanOrEqual(60);
    expect(body.detail).toBe('The key shop may send 3 requests in 60 s.');
    expect(api.scheduled).toHaveLength(3);
  });

  test('keys of one name count together, and others by themselves', async () => {
    for (const key of [shop, shopToo, shop]) expect((await submit(bearing(key))).status).toBe(202);
    expect((await submit(bearing(shopToo))).status).toBe(429);
    expect((await submit(bearing(crm))).status).toBe(202);
  });

  test('who has no key is counted by address, also when refused', async () => {
    const from = (address: string) => submit({ 'X-Forwarded-For': address });
    for (let i = 0; i < 3; i++) expect((await from('192.0.2.1')).status).toBe(401);
    expect((await from('192.0.2.1')).status).toBe(429);
    expect((await from('192.0.2.2')).status).toBe(401);
    expect((await submit({ ...bearing(shop), 'X-Forwarded-For': '192.0.2.1' })).status).toBe(202);
  });

  test('health is never refused', async () => {
    for (let i = 0; i < 5; i++) {
      const { status, headers } = await api.request('/livez');
      expect([status, headers.get('RateLimit')]).toEqual([200, null]);
    }
  });
});

test('an address that a client makes up does not count', async () => {
  const api = await startApi({ access: { keys: [], publicPaths: [], rateLimit: parseRateLimit('1/min') } });
  const from = (address: string) => api.request('/nowhere', { headers: { 'X-Forwarded-For': address } });
  expect((await from('192.0.2.1')).status).toBe(404);
  expect((await from('192.0.2.2')).status).toBe(429);
  await api.close();
});

test('without a limit no answer speaks of one', async () => {
  const api = await startApi();
  const { headers } = await api.request('/nowhere');
  expect(headers.get('RateLimit')).toBeNull();
  await api.close();
});
