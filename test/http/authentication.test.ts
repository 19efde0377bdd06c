import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import type { ParkingLot } from '../../src/parking-lot';
import { ACCEPTED_BODIES, type Api, EMPTY_LOT, startApi } from './api';

const shop = newApiKey('shop');
const orders = newApiKey('orders-only', ['orders']);
const mails = newApiKey('mails', ['emails', 'webhooks']);

/** What the lot was asked for. */
let asked: string[];
const parkingLot: ParkingLot = {
  ...EMPTY_LOT,
  names: ['orders', 'emails', 'webhooks', 'relay', 'delay.unroutable'],
  counts: async () => parkingLot.names.map((name) => ({ name, messages: 1 })),
  look: async (name) => {
    asked.push(`look ${name}`);
    return { messages: 0, parked: [] };
  },
  redrive: async (name) => {
    asked.push(`redrive ${name}`);
    return { redriven: 0, notRedriven: [], notFound: [] };
  },
  remove: async (name) => {
    asked.push(`remove ${name}`);
    return { deleted: 0, notFound: [] };
  },
};

let api: Api;
beforeAll(async () => {
  const keys = parseApiKeys([shop, orders, mails].map(({ entry }) => entry).join(','));
  api = await startApi({ parkingLot, access: { keys, publicPaths: ['/livez', '/readyz'] } });
});
afterAll(() => api.close());
beforeEach(() => {
  asked = [];
  api.scheduled.length = 0;
});

const bearing = ({ key }: { key: string }) => ({ Authorization: `Bearer ${key}` });
const message = (to: string, payload: object) => ({ to, payload, delay: '1s' });

describe('without a key that is good', () => {
  test.each<[string, Record<string, string>, string]>([
    ['none', {}, 'Bearer realm="delay-broker"'],
    ['another', bearing(newApiKey('other')), 'error="invalid_token"'],
    ['nothing after the scheme', { Authorization: 'Bearer ' }, 'error="invalid_token"'],
    ['a space too many within', { Authorization: `Bearer ${shop.key} ${shop.key}` }, 'error="invalid_token"'],
    ['another scheme', { Authorization: `Basic ${btoa(`shop:${shop.key}`)}` }, 'error="invalid_token"'],
    ['the hash', { Authorization: `Bearer ${shop.entry.split(':')[1]}` }, 'error="invalid_token"'],
    ['the key without a scheme', { Authorization: shop.key }, 'error="invalid_token"'],
  ])('a request with %s is answered 401', async (_, headers, challenge) => {
    const answer = await api.post('/submit-order', ACCEPTED_BODIES['/submit-order'], headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="delay-broker"/);
    expect(answer.headers.get('WWW-Authenticate')).toContain(challenge);
    expect(answer.body).toMatchObject({ type: 'urn:delay-broker:problem:unauthenticated', status: 401 });
    expect(answer.text).not.toContain(shop.key);
    expect(api.scheduled).toEqual([]);
    expect(api.log.lines.at(-1)).toMatchObject({ event: 'refused', reason: 'unauthenticated' });
  });

  test.each([
    ['POST', '/v1/messages'],
    ['GET', '/v1/parked'],
    ['GET', '/v1/parked/orders'],
    ['POST', '/v1/parked/orders/redrive'],
    ['DELETE', '/v1/parked/orders'],
    ['GET', '/nowhere'],
    ['PUT', '/submit-order'],
    ['GET', '/livez/'],
    ['GET', '/LIVEZ'],
    ['GET', '//livez'],
    ['GET', '/livez/../v1/parked'],
    ['GET', '/v1/parked?/livez'],
  ])('%s %s tells nothing but that', async (method, path) => {
    const response = await api.request(path, { method });
    expect([response.status, response.body.type]).toEqual([401, 'urn:delay-broker:problem:unauthenticated']);
    expect(asked).toEqual([]);
  });

  test.each(['/livez', '/readyz', '/livez?verbose'])('%s is answered', async (path) => {
    expect((await api.request(path)).status).toBe(200);
    expect((await api.request(path, { headers: bearing(newApiKey('other')) })).status).toBe(200);
  });
});

describe('with a key that is bound to nothing', () => {
  test.each(Object.entries(ACCEPTED_BODIES))('POST %s is accepted', async (path, body) => {
    expect((await api.post(path, body, bearing(shop))).status).toBe(202);
  });

  test.each(['bearer', 'BEARER', 'Bearer  '])('the scheme may be written %s', async (scheme) => {
    const headers = { Authorization: `${scheme} ${shop.key}` };
    expect((await api.post('/submit-order', { order_id: 'A1' }, headers)).status).toBe(202);
  });

  test('what is parked is shown for all targets', async () => {
    const { body } = await api.request('/v1/parked', { headers: bearing(shop) });
    expect((body.parked as { target: string }[]).map(({ target }) => target)).toEqual(parkingLot.names);
  });
});

describe('with a key that is bound to targets', () => {
  test.each([
    ['/submit-order', { order_id: 'B1' }, orders],
    ['/dlx-order', { order_id: 'B2' }, orders],
    ['/v1/messages', message('orders', { order_id: 'B3' }), orders],
    ['/welcome-email', { email: 'ann@example.com' }, mails],
    ['/v1/messages', message('emails', { email: 'ann@example.com' }), mails],
    ['/v1/messages', message('webhooks', { url: 'https://example.com' }), mails],
  ])('POST %s %j is accepted from whom it is for, and 403 for others', async (path, body, allowed) => {
    const other = allowed === orders ? mails : orders;
    expect((await api.post(path, body, bearing(allowed))).status).toBe(202);
    expect(api.scheduled).toHaveLength(1);

    const { status, headers, body: problem } = await api.post(path, body, bearing(other));
    expect([status, problem.type]).toEqual([403, 'urn:delay-broker:problem:forbidden-target']);
    expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(headers.get('WWW-Authenticate')).toContain('error="insufficient_scope"');
    expect(problem.detail).toMatch(/^This key is bound to .+ and not good for .+\.$/);
    expect(api.scheduled).toHaveLength(1);
  });

  test.each([
    ['GET', '/v1/parked/$', undefined],
    ['POST', '/v1/parked/$/redrive', undefined],
    ['DELETE', '/v1/parked/$', { ids: ['a'] }],
  ])('%s %s is for its own targets only', async (method, path, body) => {
    const send = (target: string) =>
      api.request(path.replace('$', target), {
        method,
        headers: { 'Content-Type': 'application/json', ...bearing(mails) },
        ...(body && { body: JSON.stringify(body) }),
      });
    const statuses = await Promise.all(
      parkingLot.names.map(async (target) => [target, (await send(target)).status]),
    );
    expect(Object.fromEntries(statuses)).toEqual({
      orders: 403,
      emails: 200,
      webhooks: 200,
      relay: 403,
      'delay.unroutable': 403,
    });
    expect(asked.map((question) => question.split(' ')[1]).sort()).toEqual(['emails', 'webhooks']);
  });

  test('what is parked is counted for its own targets only', async () => {
    const { body } = await api.request('/v1/parked', { headers: bearing(mails) });
    expect(body.parked).toEqual([
      { target: 'emails', messages: 1 },
      { target: 'webhooks', messages: 1 },
    ]);
  });
});

test('where health is not public either, it needs a key', async () => {
  const closed = await startApi({ access: { keys: parseApiKeys(shop.entry), publicPaths: [] } });
  expect((await closed.request('/livez')).status).toBe(401);
  expect((await closed.request('/livez', { headers: bearing(shop) })).status).toBe(200);
  await closed.close();
});
