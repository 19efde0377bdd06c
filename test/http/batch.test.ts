import { gzipSync } from 'node:zlib';
import { BrokerUnavailableError, OutcomeUnknownError } from '../../src/errors';
import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { type Answer, type Api, ID, inShort, NOW, type ReportedFault, startApi } from './api';

const PATH = '/v1/messages/batch';
const MESSAGE_LIMIT_BYTES = 256 * 1024;
const BATCH_LIMIT_BYTES = 8 * 1024 * 1024;

const order = (order_id: unknown, more: object = {}) => ({
  to: 'orders',
  payload: { order_id },
  delay: '30m',
  ...more,
});

let before: (() => void | Promise<void>) | undefined;
let api: Api;
beforeEach(async () => {
  before = undefined;
  api = await startApi({ before: () => before?.() });
});
afterEach(() => api.close());

interface Result {
  readonly status: number;
  readonly replayed?: true;
  readonly retry_after?: number;
  readonly body: Readonly<Record<string, unknown>> & { readonly detail: ReportedFault[] };
}

const resultsOf = ({ body }: Answer) => body.results as Result[];
const statusesOf = (answer: Answer) => resultsOf(answer).map(({ status }) => status);

const sendLines = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
  api.request(PATH, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-ndjson', ...headers },
    body: Buffer.from(body),
  });

const lines = (messages: readonly unknown[]) =>
  messages.map((message) => `${JSON.stringify(message)}\n`).join('');

/** Both forms of a batch. */
const FORMS: [string, (messages: readonly unknown[]) => Promise<Answer>][] = [
  ['an array', (messages) => api.post(PATH, messages)],
  ['NDJSON', (messages) => sendLines(lines(messages))],
];

describe.each(FORMS)('%s', (_, send) => {
  test('each message is answered as it would be alone, in order', async () => {
    const answer = await send([order('A1'), order('A2', { delay: '1s', id: 'mine', key: 'cart' })]);
    expect(answer.status).toBe(207);
    expect(resultsOf(answer)).toEqual([
      {
        status: 202,
        body: {
          id: expect.stringMatching(ID),
          to: 'orders',
          status: 'scheduled',
          due_at: '2026-11-20T12:30:00.000Z',
        },
      },
      {
        status: 202,
        body: { id: 'mine', to: 'orders', status: 'scheduled', due_at: '2026-11-20T12:00:01.000Z' },
      },
    ]);
    expect(api.scheduled).toMatchObject([
      { to: 'orders', payload: { order_id: 'A1' }, dueAt: NOW + 1_800_000 },
      { id: 'mine', dueAt: NOW + 1_000 },
    ]);
  });

  test('what is wrong with some does not keep the others from being accepted', async () => {
    await api.post('/v1/messages', order('other', { id: 'taken' }));
    const bad = [
      order(''),
      { ...order('A1'), urgent: true },
      order('A1', { id: 'taken' }),
      7,
      null,
      [order('A1')],
      JSON.parse('{"to": "orders", "payload": {"__proto__": {"a": 1}}}'),
    ];
    const answer = await send(bad.flatMap((message) => [message, order('good')]));
    expect(statusesOf(answer)).toEqual(bad.flatMap((_, i) => [i === 2 ? 409 : 422, 202]));
    expect(api.scheduled).toHaveLength(1 + bad.length);
  });

  test('the errors are those of single requests, whatever form the client prefers', async () => {
    await api.post('/v1/messages', order('other', { id: 'taken' }));
    const bad = [order('', { delay_ms: 1 }), order('A1', { id: 'taken' }), {}, 'text'];
    for (const Accept of ['application/json', 'application/problem+json']) {
      const alone = await Promise.all(bad.map((message) => api.post('/v1/messages', message, { Accept })));
      const answer = await api.request(PATH, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept },
        body: JSON.stringify(bad),
      });
      expect(resultsOf(answer)).toEqual(alone.map(({ status, body }) => ({ status, body })));
      expect(answer.headers.get('Vary')).toBe('Accept');
    }
  });

  test('what was accepted before is told from what is new', async () => {
    const batch = [order('A1', { id: 'one' }), order('A2', { id: 'two' })];
    const first = resultsOf(await send(batch));
    const again = resultsOf(await send([...batch, order('A3')]));
    expect(again).toMatchObject([{ replayed: true }, { replayed: true }, { status: 202 }]);
    expect(again.slice(0, 2)).toEqual(first.map((result) => ({ ...result, replayed: true })));
    expect(again[2]).not.toHaveProperty('replayed');
    expect(api.scheduled).toHaveLength(3);
  });

  test('of two messages with one id the first is accepted', async () => {
    const answer = await send([
      order('A1', { id: 'same' }),
      order('A2', { id: 'same' }),
      order('A1', { id: 'same' }),
    ]);
    expect(resultsOf(answer)).toMatchObject([
      { status: 202, body: { id: 'same' } },
      { status: 409, body: { type: 'urn:delay-broker:problem:id-taken' } },
      { status: 202, replayed: true, body: { id: 'same' } },
    ]);
    expect(api.scheduled).toMatchObject([{ payload: { order_id: 'A1' } }]);
  });

  test('what the broker does not take is a 503 of that message alone, logged once for a reason', async () => {
    let sent = 0;
    before = () => {
      sent++;
      if (sent === 2 || sent === 4) throw new BrokerUnavailableError('RabbitMQ at mq is not reachable.');
      if (sent === 3) throw new OutcomeUnknownError('RabbitMQ at mq did not confirm within 5 ms.');
    };
    const answer = await send([1, 2, 3, 4, 5].map((n) => order(`A${n}`)));
    const unavailable = {
      status: 503,
      retry_after: 1,
      body: {
        type: 'urn:delay-broker:problem:broker-unavailable',
        title: 'Not done',
        status: 503,
        detail: 'RabbitMQ at mq is not reachable. Try again.',
      },
    };
    const unknown = { status: 503, body: { type: 'urn:delay-broker:problem:outcome-unknown' } };
    expect(resultsOf(answer)).toMatchObject([
      { status: 202 },
      unavailable,
      unknown,
      unavailable,
      { status: 202 },
    ]);
    const refused = api.log.lines.filter(({ event }) => event === 'refused');
    expect(refused).toMatchObject([
      { level: 'warn', path: PATH, reason: 'broker-unavailable', messages: 2 },
      { level: 'warn', path: PATH, reason: 'outcome-unknown', messages: 1 },
    ]);
  });

  test('an error that nobody expected tells nothing but where it is in the log', async () => {
    before = () => {
      before = undefined;
      throw new Error('secret');
    };
    const answer = await send([order('A1'), order('A2')]);
    expect(statusesOf(answer)).toEqual([500, 202]);
    expect(answer.text).not.toContain('secret');
    const [failed] = resultsOf(answer);
    expect(api.log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', error: 'secret', errorId: failed?.body.error_id }),
    );
  });

  test('a thousand messages are on their way to the broker at the same time', async () => {
    let waiting = 0;
    let go = () => {};
    const allAreThere = new Promise<void>((resolve) => {
      go = resolve;
    });
    before = () => {
      if (++waiting === 1_000) go();
      return allAreThere;
    };
    const answer = await send(Array.from({ length: 1_000 }, (_, n) => order(`A${n}`)));
    expect(statusesOf(answer)).toEqual(Array(1_000).fill(202));
    expect(api.scheduled.map(({ payload }) => payload)).toEqual(
      Array.from({ length: 1_000 }, (_, n) => ({ order_id: `A${n}` })),
    );
  });

  test('more than 1,000 messages are no batch', async () => {
    const { status, body } = await send(Array(1_001).fill(order('A1')));
    expect([status, ...body.detail.map(inShort)]).toEqual([422, 'body too_big']);
    expect(api.scheduled).toEqual([]);
  });

  test('a message may be as large as one that comes alone', async () => {
    const sized = (bytes: number) => {
      const empty = JSON.stringify({
        ...order('A1'),
        to: 'webhooks',
        payload: { url: 'http://a', body: '' },
      });
      return { ...JSON.parse(empty), payload: { url: 'http://a', body: 'x'.repeat(bytes - empty.length) } };
    };
    const answer = await send([sized(MESSAGE_LIMIT_BYTES), sized(MESSAGE_LIMIT_BYTES + 1), order('A1')]);
    expect(statusesOf(answer)).toEqual([202, 413, 202]);
    expect(resultsOf(answer)[1]?.body).toMatchObject({
      type: 'urn:delay-broker:problem:too-large',
      detail: 'The body must not exceed 256 KiB.',
    });
  });
});

test('an empty array is no batch', async () => {
  const { status, body } = await api.post(PATH, []);
  expect([status, ...body.detail.map(inShort)]).toEqual([422, 'body too_small']);
});

test.each([
  ['application/json', '[', ']'],
  ['application/x-ndjson', '', ''],
])('in %s a message that is nested too deep spoils no other', async (type, opening, closing) => {
  const good = JSON.stringify(order('A1'));
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const body = `${opening}${good}${opening && ','}\n${deep}${opening && ','}\n${good}${closing}`;
  const answer = await api.request(PATH, { method: 'POST', headers: { 'Content-Type': type }, body });
  expect(statusesOf(answer)).toEqual([202, 422, 202]);
});

describe('NDJSON', () => {
  test('a line that is no JSON spoils no other', async () => {
    const good = JSON.stringify(order('A1'));
    const answer = await sendLines(
      Buffer.concat([
        Buffer.from(`{"to": \n${good}\nhello\n${good}}\n"`),
        Buffer.from([0xff]),
        Buffer.from(`"\n${good}`),
      ]),
    );
    expect(statusesOf(answer)).toEqual([422, 202, 422, 422, 422, 202]);
    expect(resultsOf(answer)[2]?.body.detail.map(inShort)).toEqual(['body json_invalid']);
  });

  test('empty lines, other ends of lines and a missing last one do not matter', async () => {
    const good = JSON.stringify(order('A1'));
    const answer = await sendLines(`\ufeff${good}\r\n\r\n \t\n\n${good}\n${good}`);
    expect(statusesOf(answer)).toEqual([202, 202, 202]);
  });

  test('nothing but empty lines is no batch', async () => {
    const { status, body } = await sendLines('\n'.repeat(BATCH_LIMIT_BYTES));
    expect([status, ...body.detail.map(inShort)]).toEqual([422, 'body too_small']);
  });
});

test.each([
  ['nothing', '', 'application/json'],
  ['an object', JSON.stringify(order('A1')), 'application/json'],
  ['JSON cut short', '[{"to":', 'application/json'],
  ['NDJSON marked as JSON', lines([order('A1'), order('A2')]), 'application/json'],
  ['an array marked as text', JSON.stringify([order('A1')]), 'text/plain'],
])('%s is refused, and the answer says what to send', async (_, body, type) => {
  const answer = await api.request(PATH, { method: 'POST', headers: { 'Content-Type': type }, body });
  expect(answer.status).toBe(422);
  expect(answer.body.detail).toEqual([
    {
      loc: ['body'],
      msg: expect.stringContaining(
        '; send a JSON array with Content-Type: application/json, or a message on each line with application/x-ndjson',
      ),
      type: expect.stringMatching(/^json_(missing|invalid)$/),
    },
  ]);
});

test('a body may have 8 MiB, and no byte more, compressed or not', async () => {
  const padded = (bytes: number) => lines([order('A1')]).padEnd(bytes);
  const gzip = { 'Content-Encoding': 'gzip' };
  expect((await sendLines(padded(BATCH_LIMIT_BYTES))).status).toBe(207);
  expect((await sendLines(gzipSync(padded(BATCH_LIMIT_BYTES)), gzip)).status).toBe(207);
  for (const answer of [
    await sendLines(padded(BATCH_LIMIT_BYTES + 1)),
    await sendLines(gzipSync(padded(BATCH_LIMIT_BYTES + 1)), gzip),
  ]) {
    expect(answer.status).toBe(413);
    expect(answer.body).toMatchObject({
      type: 'urn:delay-broker:problem:too-large',
      detail: 'The body must not exceed 8 MiB.',
    });
  }
});

test('an Idempotency-Key is refused: it cannot name many messages', async () => {
  const { status, body } = await api.post(PATH, [order('A1')], { 'Idempotency-Key': 'k' });
  expect([status, body.detail]).toEqual([
    422,
    [
      {
        loc: ['header', 'Idempotency-Key'],
        msg: 'a batch has none: give each message an id',
        type: 'not_supported',
      },
    ],
  ]);
  expect(api.scheduled).toEqual([]);
});

test.each(['batch', 'Batch'])('no message can have the id %s, whose path is taken', async (id) => {
  const { status, body } = await api.post('/v1/messages', order('A1', { id }));
  expect([status, ...body.detail.map(inShort)]).toEqual([422, 'body.id invalid_format']);
});

test.each(['GET', 'PUT', 'PATCH', 'DELETE'])('%s is not allowed, only POST', async (method) => {
  const { status, headers } = await api.request(PATH, { method });
  expect([status, headers.get('Allow')]).toEqual([405, 'POST']);
});

test('without a ledger messages with ids are refused, the others are not', async () => {
  await api.close();
  api = await startApi({ ledgerOff: true });
  const answer = await api.post(PATH, [order('A1', { id: 'mine' }), order('A2')]);
  expect(statusesOf(answer)).toEqual([501, 202]);
});

test('a key that is bound to targets is good for the messages to these', async () => {
  await api.close();
  const { key, entry } = newApiKey('shop', ['orders']);
  api = await startApi({ access: { keys: parseApiKeys(entry), publicPaths: [] } });
  const mail = { to: 'emails', payload: { email: 'ann@example.com' }, delay: '1s' };
  const answer = await api.post(PATH, [order('A1'), mail, mail], { Authorization: `Bearer ${key}` });
  expect(statusesOf(answer)).toEqual([202, 403, 403]);
  expect(resultsOf(answer)[1]?.body.type).toBe('urn:delay-broker:problem:forbidden-target');
  expect(api.log.lines.filter(({ event }) => event === 'refused')).toMatchObject([
    { level: 'info', reason: 'forbidden-target', key: 'shop', messages: 2 },
  ]);
});
