import { BrokerUnavailableError, OutcomeUnknownError } from '../../src/errors';
import type { ParkedMessage, ParkingLot } from '../../src/parking-lot';
import { type Api, EMPTY_LOT, inShort, NOW, startApi } from './api';

/** What the lot was asked for, oldest first. */
let asked: unknown[][];
let parked: ParkedMessage[];
let failure: Error | undefined;
const ask = <T>(answer: T, ...question: unknown[]): T => {
  asked.push(question);
  if (failure) throw failure;
  return answer;
};

const parkingLot: ParkingLot = {
  ...EMPTY_LOT,
  counts: async () =>
    ask([
      { name: 'orders', messages: 3 },
      { name: 'delay.unroutable', messages: 0 },
    ]),
  look: async (...question) => ask({ messages: 7, parked }, 'look', ...question),
  redrive: async (...question) =>
    ask(
      {
        redriven: 2,
        notRedriven: [
          { id: 'broken', reason: 'the body is not JSON in UTF-8' },
          { id: undefined, reason: 'no id' },
        ],
        notFound: ['c'],
      },
      'redrive',
      ...question,
    ),
  remove: async (...question) => ask({ deleted: 1, notFound: ['b'] }, 'remove', ...question),
};

let api: Api;
beforeAll(async () => {
  api = await startApi({ parkingLot });
});
afterAll(() => api.close());
beforeEach(() => {
  asked = [];
  parked = [];
  failure = undefined;
});

const send = (method: string, path: string, body?: unknown) =>
  api.request(path, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

test('the counts are shown by target', async () => {
  const { status, body } = await api.request('/v1/parked');
  expect([status, body]).toEqual([
    200,
    {
      parked: [
        { target: 'orders', messages: 3 },
        { target: 'delay.unroutable', messages: 0 },
      ],
    },
  ]);
});

describe('GET /v1/parked/{target}', () => {
  test('shows all that is known of a message', async () => {
    const content = Buffer.from('{"order_id":"A1"}');
    parked = [
      {
        id: 'a',
        to: 'orders',
        reason: 'attempts exhausted',
        error: 'no luck',
        attempts: 10,
        firstAttemptAt: NOW,
        lastAttemptAt: NOW + 1,
        parkedAt: NOW + 2,
        dueAt: NOW - 1,
        content,
      },
    ];
    const { status, body } = await api.request('/v1/parked/orders');
    expect([status, body]).toEqual([
      200,
      {
        target: 'orders',
        messages: 7,
        parked: [
          {
            id: 'a',
            to: 'orders',
            reason: 'attempts exhausted',
            error: 'no luck',
            attempts: 10,
            first_attempt_at: '2026-11-20T12:00:00.000Z',
            last_attempt_at: '2026-11-20T12:00:00.001Z',
            parked_at: '2026-11-20T12:00:00.002Z',
            due_at: '2026-11-20T11:59:59.999Z',
            payload: { order_id: 'A1' },
          },
        ],
      },
    ]);
    expect(asked).toEqual([['look', 'orders', 20]]);
  });

  test.each([
    ['text', Buffer.from(`no JSON${'x'.repeat(2_000)}`), `no JSON${'x'.repeat(993)}`],
    ['JSON that is not UTF-8', Buffer.from('"\xff"', 'latin1'), '"\ufffd"'],
    [
      'JSON too deep to be written',
      Buffer.from('['.repeat(100_000) + ']'.repeat(100_000)),
      '['.repeat(1_000),
    ],
    ['nothing', Buffer.alloc(0), ''],
  ])('shows null for what is not known, and %s as it is', async (_, content, text) => {
    parked = [{ content, dueAt: 1e300 }];
    const { body } = await api.request('/v1/parked/delay.unroutable');
    expect(body.parked).toEqual([
      {
        id: null,
        to: null,
        reason: null,
        error: null,
        attempts: null,
        first_attempt_at: null,
        last_attempt_at: null,
        parked_at: null,
        due_at: null,
        payload: null,
        body: text,
      },
    ]);
  });

  test.each(['1', '20', '100'])('takes a limit of %s', async (limit) => {
    expect((await api.request(`/v1/parked/orders?limit=${limit}`)).status).toBe(200);
    expect(asked).toEqual([['look', 'orders', Number(limit)]]);
  });

  test.each([
    ['limit=0', 'query.limit invalid_format'],
    ['limit=101', 'query.limit invalid_format'],
    ['limit=', 'query.limit invalid_format'],
    ['limit=ten', 'query.limit invalid_format'],
    ['limit=1.5', 'query.limit invalid_format'],
    ['limit=-1', 'query.limit invalid_format'],
    ['limit=1&limit=2', 'query.limit wrong_type'],
    ['limits=1', 'query.limits unknown_field'],
  ])('refuses %s', async (query, fault) => {
    const { status, body } = await api.request(`/v1/parked/orders?${query}`);
    expect([status, ...body.detail.map(inShort)]).toEqual([422, fault]);
    expect(asked).toEqual([]);
  });
});

describe('POST /v1/parked/{target}/redrive', () => {
  test.each([[undefined], [{}]])('with the body %j redrives all', async (given) => {
    const { status, body } = await send('POST', '/v1/parked/orders/redrive', given);
    expect([status, body]).toEqual([
      200,
      {
        redriven: 2,
        not_redriven: [
          { id: 'broken', reason: 'the body is not JSON in UTF-8' },
          { id: null, reason: 'no id' },
        ],
        not_found: ['c'],
      },
    ]);
    expect(asked).toEqual([['redrive', 'orders', undefined]]);
  });

  test('without body and type redrives all', async () => {
    expect((await api.request('/v1/parked/delay.unroutable/redrive', { method: 'POST' })).status).toBe(200);
    expect(asked).toEqual([['redrive', 'delay.unroutable', undefined]]);
  });

  test('redrives those with these ids', async () => {
    await send('POST', '/v1/parked/orders/redrive', { ids: ['a', 'b'] });
    expect(asked).toEqual([['redrive', 'orders', ['a', 'b']]]);
  });

  test.each([
    ['application/x-www-form-urlencoded', '{"ids": ["a"]}'],
    ['text/plain', 'a'],
    ['application/json', '{"ids": '],
    ['application/json', 'null'],
  ])('a body in %s such as %s does not pass for none', async (type, body) => {
    const answer = await api.request('/v1/parked/orders/redrive', {
      method: 'POST',
      headers: { 'Content-Type': type },
      body,
    });
    expect([answer.status, answer.body.detail[0]?.loc]).toEqual([422, ['body']]);
    expect(asked).toEqual([]);
  });
});

test('DELETE removes those with these ids', async () => {
  const { status, body } = await send('DELETE', '/v1/parked/orders', { ids: ['a', 'b'] });
  expect([status, body]).toEqual([200, { deleted: 1, not_found: ['b'] }]);
  expect(asked).toEqual([['remove', 'orders', ['a', 'b']]]);
});

test.each([undefined, {}])('DELETE never removes all, not with the body %j', async (given) => {
  const { status, body } = await send('DELETE', '/v1/parked/orders', given);
  const fault = given ? 'body.ids missing' : 'body json_missing';
  expect([status, ...body.detail.map(inShort)]).toEqual([422, fault]);
  expect(asked).toEqual([]);
});

describe.each([
  ['POST', '/v1/parked/orders/redrive'],
  ['DELETE', '/v1/parked/orders'],
])('%s %s refuses', (method, path) => {
  test.each<[object, string]>([
    [{ ids: [] }, 'body.ids too_small'],
    [{ ids: 'a' }, 'body.ids wrong_type'],
    [{ ids: null }, 'body.ids wrong_type'],
    [{ ids: ['a', ''] }, 'body.ids.1 too_small'],
    [{ ids: [7] }, 'body.ids.0 wrong_type'],
    [{ ids: ['x'.repeat(256)] }, 'body.ids.0 too_big'],
    [{ ids: ['a'], all: true }, 'body.all unknown_field'],
  ])('%j', async (given, fault) => {
    const { status, body } = await send(method, path, given);
    expect([status, ...body.detail.map(inShort)]).toEqual([422, fault]);
    expect(asked).toEqual([]);
  });

  test('more than 1,000 ids', async () => {
    const { body } = await send(method, path, { ids: Array.from({ length: 1_001 }, String) });
    expect(body.detail.map(inShort)).toEqual(['body.ids too_big']);
  });
});

describe.each([
  ['GET', '/v1/parked/$?limit=0'],
  ['DELETE', '/v1/parked/$'],
  ['POST', '/v1/parked/$/redrive'],
])('%s %s', (method, path) => {
  test.each(['nowhere', 'orders.parked', '__proto__', '%20'])(
    'has nothing for the target %s',
    async (target) => {
      const { status, headers, body } = await api.request(path.replace('$', target), { method });
      expect([status, body.type]).toEqual([404, 'urn:delay-broker:problem:not-found']);
      expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
      expect(body.detail).toMatch(/only under orders, delay\.unroutable\.$/);
      expect(asked).toEqual([]);
    },
  );
});

describe.each([
  ['GET', '/v1/parked', undefined],
  ['GET', '/v1/parked/orders', undefined],
  ['POST', '/v1/parked/orders/redrive', undefined],
  ['DELETE', '/v1/parked/orders', { ids: ['a'] }],
])('%s %s', (method, path, given) => {
  test.each([
    ['broker-unavailable', new BrokerUnavailableError('RabbitMQ at mq is not reachable for now.')],
    ['outcome-unknown', new OutcomeUnknownError('RabbitMQ at mq did not confirm within 5 ms.')],
  ])('can be answered 503, %s', async (kind, error) => {
    failure = error;
    const { status, headers, body } = await send(method, path, given);
    expect([status, headers.get('Retry-After'), body.type]).toEqual([
      503,
      '1',
      `urn:delay-broker:problem:${kind}`,
    ]);
    expect(body.detail).toContain(error.message);
  });
});

test.each([
  ['PUT', '/v1/parked', 'GET, HEAD'],
  ['POST', '/v1/parked/orders', 'GET, DELETE, HEAD'],
  ['GET', '/v1/parked/orders/redrive', 'POST'],
])('%s %s is not allowed, only %s', async (method, path, allowed) => {
  const { status, headers } = await api.request(path, { method });
  expect([status, headers.get('Allow')]).toEqual([405, allowed]);
});
