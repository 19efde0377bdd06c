/** Keys that are bound to targets, and the messages of these and of other targets. */
import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { type Answer, type Api, startApi } from './api';

type Key = ReturnType<typeof newApiKey>;

const shop = newApiKey('shop');
const orders = newApiKey('orders-only', ['orders']);
const mails = newApiKey('mails', ['emails', 'webhooks']);
const access = {
  keys: parseApiKeys([shop, orders, mails].map(({ entry }) => entry).join(',')),
  publicPaths: [],
};

const PAYLOADS = {
  orders: { order_id: 'A1' },
  emails: { email: 'ann@example.com' },
  webhooks: { url: 'https://example.com' },
  relay: { exchange: '', routing_key: 'greetings', content: 'hello' },
};

let api: Api;
const start = async (options: Parameters<typeof startApi>[0] = {}) => {
  api = await startApi({ access, ...options });
};
afterEach(() => api.close());

const send = (by: Key, method: string, path: string, body?: object): Promise<Answer> =>
  api.request(path, {
    method,
    headers: { Authorization: `Bearer ${by.key}`, 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });

/** Has a message accepted, and returns its id. */
async function accept(to: keyof typeof PAYLOADS, more: object = { delay: '30m' }): Promise<string> {
  const { status, body } = await send(shop, 'POST', '/v1/messages', { to, payload: PAYLOADS[to], ...more });
  expect(status).toBe(202);
  return String(body.id);
}

const statusOf = async (id: string) => (await send(shop, 'GET', `/v1/messages/${id}`)).body.status;
const idsIn = (messages: unknown) => (messages as { id: string }[]).map(({ id }) => id);

function expectForbidden({ status, headers, body }: Answer) {
  expect([status, body.type]).toEqual([403, 'urn:delay-broker:problem:forbidden-target']);
  expect(headers.get('WWW-Authenticate')).toContain('error="insufficient_scope"');
}

test.each([
  ['GET', '/v1/messages'],
  ['GET', '/v1/messages/a'],
  ['PATCH', '/v1/messages/a'],
  ['DELETE', '/v1/messages/a'],
  ['POST', '/v1/messages/a/run-now'],
  ['GET', '/v1/overview'],
  ['POST', '/orders/A1/paid'],
  ['GET', '/metrics'],
])('%s %s needs a key', async (method, path) => {
  await start();
  expect((await api.request(path, { method })).status).toBe(401);
});

describe('one message', () => {
  beforeEach(() => start());

  test.each<[string, string, object | undefined, string]>([
    ['GET', '', undefined, 'scheduled'],
    ['PATCH', '', { delay: '2h' }, 'scheduled'],
    ['POST', '/run-now', undefined, 'due'],
    ['DELETE', '', undefined, 'cancelled'],
  ])('%s /v1/messages/{id}%s is for keys of its target only', async (method, below, body, after) => {
    const id = await accept('orders');
    const path = `/v1/messages/${id}${below}`;
    const { body: before } = await send(shop, 'GET', `/v1/messages/${id}`);
    expectForbidden(await send(mails, method, path, body));
    expect((await send(shop, 'GET', `/v1/messages/${id}`)).body).toEqual(before);
    expect(api.verdicts.given).toEqual([]);

    expect((await send(orders, method, path, body)).status).toBe(200);
    expect(await statusOf(id)).toBe(after);
    const another = await accept('orders');
    expect((await send(shop, method, `/v1/messages/${another}${below}`, body)).status).toBe(200);
  });

  test.each<[string, string, object | undefined]>([
    ['GET', '', undefined],
    ['PATCH', '', { delay: '2h' }],
    ['POST', '/run-now', undefined],
    ['DELETE', '', undefined],
  ])('%s /v1/messages/{id}%s of none is 404', async (method, below, body) => {
    for (const key of [shop, orders]) {
      const { status, body: problem } = await send(key, method, `/v1/messages/nowhere${below}`, body);
      expect([status, problem.type]).toEqual([404, 'urn:delay-broker:problem:unknown-message']);
    }
  });
});

describe('a message whose target nobody knows', () => {
  async function expectCancelledByUnboundKeysOnly(id: string) {
    expectForbidden(await send(orders, 'DELETE', `/v1/messages/${id}`));
    expect(api.verdicts.isVoid({ id, delivery: id })).toBe(false);
    expect((await send(shop, 'DELETE', `/v1/messages/${id}`)).status).toBe(200);
    expect(api.verdicts.isVoid({ id, delivery: id })).toBe(true);
  }

  test('as there is no ledger, is cancelled with a key that is bound to nothing', async () => {
    await start({ ledgerOff: true });
    await expectCancelledByUnboundKeysOnly(await accept('orders'));
  });

  test('as it had to make room in the ledger, is cancelled with a key that is bound to nothing', async () => {
    await start({ limit: 1 });
    const id = await accept('orders', { delay: '2h' });
    await accept('orders', { delay: '1h' });
    expect((await send(shop, 'GET', `/v1/messages/${id}`)).status).toBe(404);
    await expectCancelledByUnboundKeysOnly(id);
  });

  test.each<[string, string, object | undefined]>([
    ['PATCH', '', { delay: '2h' }],
    ['POST', '/run-now', undefined],
  ])(
    'is not rescheduled without a ledger, whoever asks: %s /v1/messages/{id}%s',
    async (method, below, body) => {
      await start({ ledgerOff: true });
      const id = await accept('orders');
      for (const key of [shop, orders, mails])
        expect((await send(key, method, `/v1/messages/${id}${below}`, body)).status).toBe(501);
    },
  );
});

describe('lists', () => {
  const list = (by: Key, query = '') => send(by, 'GET', `/v1/messages${query}`);
  let ids: Record<keyof typeof PAYLOADS, string>;
  beforeEach(async () => {
    await start();
    ids = {
      webhooks: await accept('webhooks', { delay: '1m' }),
      orders: await accept('orders', { delay: '2m' }),
      relay: await accept('relay', { delay: '3m' }),
      emails: await accept('emails', { delay: '4m' }),
    };
  });

  test('a key that is bound to nothing lists all', async () => {
    const { body } = await list(shop);
    expect(idsIn(body.messages)).toEqual([ids.webhooks, ids.orders, ids.relay, ids.emails]);
  });

  test('a key lists its own targets, and no others', async () => {
    for (const to of ['emails', 'webhooks'] as const)
      expect(idsIn((await list(mails, `?to=${to}`)).body.messages)).toEqual([ids[to]]);
    for (const to of ['orders', 'relay']) expectForbidden(await list(mails, `?to=${to}`));
  });

  test('a key that is bound to one target lists that, page by page', async () => {
    const later = await accept('orders', { delay: '5m' });
    const { body: first } = await list(orders, '?limit=1');
    const { body: second } = await list(orders, `?limit=1&cursor=${first.next_cursor}`);
    expect([...idsIn(first.messages), ...idsIn(second.messages)]).toEqual([ids.orders, later]);
    expect(second.next_cursor).toBeNull();
  });

  test('a key that is bound to several has to name one of them', async () => {
    const { status, body } = await list(mails);
    expect([status, body.detail]).toEqual([
      422,
      [
        {
          loc: ['query', 'to'],
          msg: 'this key is bound to emails, webhooks: name one of them',
          type: 'missing',
        },
      ],
    ]);
  });

  test.each([
    ['all', shop, ['webhooks', 'orders', 'relay', 'emails']],
    ['two', mails, ['webhooks', 'emails']],
    ['one', orders, ['orders']],
  ] as const)('the overview of a key for %s is of these targets', async (_, key, targets) => {
    const { status, body } = await send(key, 'GET', '/v1/overview');
    expect(status).toBe(200);
    expect(Object.keys(body.counts as object).sort()).toEqual([...targets].sort());
    expect(idsIn(body.next_due)).toEqual(targets.map((to) => ids[to]));
  });

  test('what is next of its own targets is ten messages, however many others come before', async () => {
    for (let i = 0; i < 12; i++) await accept('orders', { delay_ms: i });
    for (let i = 0; i < 11; i++) await accept('emails', { delay: `${i + 10}m` });
    const { body } = await send(mails, 'GET', '/v1/overview');
    const shown = body.next_due as { to: string; due_at: string }[];
    expect(shown.map(({ to }) => to)).toEqual(['webhooks', ...Array(9).fill('emails')]);
    expect(shown.map(({ due_at }) => due_at)).toEqual(shown.map(({ due_at }) => due_at).sort());
  });
});

describe('POST /orders/{order_id}/paid', () => {
  beforeEach(() => start());
  const pay = (by: Key) => send(by, 'POST', '/orders/A1/paid');

  test('is for keys of orders only', async () => {
    const { body } = await send(shop, 'POST', '/submit-order', { order_id: 'A1' });
    expectForbidden(await pay(mails));
    expect(await statusOf(String(body.id))).toBe('scheduled');
    expect((await pay(orders)).status).toBe(200);
    expect(await statusOf(String(body.id))).toBe('cancelled');
  });

  test("leaves another target's message alone that has taken the order's id", async () => {
    const id = await accept('emails', { delay: '30m', id: 'order:A1' });
    expectForbidden(await pay(orders));
    expect(await statusOf(id)).toBe('scheduled');
  });
});
