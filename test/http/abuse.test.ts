/** Clients that are slow, broken or malicious: the server stays up and serves the others. */
import { once } from 'node:events';
import { eventually } from '../broker/eventually';
import { type Api, startApi } from './api';
import { exchange, openConnection, type RawConnection, statusesIn } from './raw';

const POST_HEAD = 'POST /submit-order HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
/** Each order of its own: the same one again would be answered without being scheduled. */
const post = (n: number) => {
  const order = `{"order_id":"A${n}"}`;
  return `${POST_HEAD}Content-Length: ${order.length}\r\n\r\n${order}`;
};
const GET = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
const GARBAGE = '\u0000\u0001 no HTTP \r\n\r\n';

let hold: Promise<void> | undefined;
let api: Api;
beforeEach(async () => {
  hold = undefined;
  api = await startApi({
    before: () => hold,
    limits: { headersTimeoutMs: 500, requestTimeoutMs: 1_000, checkEveryMs: 50 },
  });
});
afterEach(() => api.close());

async function expectServing() {
  expect((await api.post('/submit-order', { order_id: 'A1' })).status).toBe(202);
}

/** Sends the same few bytes again and again until the connection is closed. */
async function drip({ socket, untilClosed }: RawConnection, bytes: string): Promise<string> {
  const timer = setInterval(() => socket.write(bytes), 20);
  const answer = await untilClosed;
  clearInterval(timer);
  return answer;
}

test.each([
  ['headers', 'GET /livez HTTP/1.1\r\nHost: x\r\n', 'X: y\r\n'],
  ['bodies', `${POST_HEAD}Content-Length: 100000\r\n\r\n`, ' '],
  ['chunks', `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
])(
  'two hundred clients that send %s drop by drop are sent away, and meanwhile others are served',
  async (_, head, drop) => {
    const connections = await Promise.all(Array.from({ length: 200 }, () => openConnection(api.port)));
    for (const { socket } of connections) socket.write(head);
    const answers = connections.map((connection) => drip(connection, drop));
    await expectServing();
    expect(new Set((await Promise.all(answers)).flatMap(statusesIn))).toEqual(new Set([408]));
    await expectServing();
  },
);

test('a hundred clients with a megabyte of headers get their answer', async () => {
  const request = `GET /livez HTTP/1.1\r\nHost: x\r\n${`X: ${'x'.repeat(1_000)}\r\n`.repeat(1_000)}\r\n`;
  const answers = await Promise.all(Array.from({ length: 100 }, () => exchange(api.port, request)));
  expect(answers.flatMap(statusesIn)).toEqual(answers.map(() => 431));
  await expectServing();
});

test('a thousand requests in one go are answered one by one', async () => {
  const last = GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  const answers = await exchange(
    api.port,
    Array.from({ length: 500 }, (_, i) => post(i) + GET).join('') + last,
  );
  expect(statusesIn(answers)).toEqual([...Array.from({ length: 500 }, () => [202, 200]).flat(), 200]);
});

test('garbage behind a request never gets the answer that belongs to the request', async () => {
  let release = () => {};
  hold = new Promise((resolve) => {
    release = resolve;
  });
  const connection = await openConnection(api.port);
  connection.socket.write(post(0) + GARBAGE);
  expect(await connection.untilClosed).toBe('');
  release();
  await expectServing();
});

test('garbage behind an answer is answered 400, and the connection closed', async () => {
  const { socket, untilClosed } = await openConnection(api.port);
  socket.write(GET);
  await once(socket, 'data');
  socket.write(GARBAGE);
  expect(statusesIn(await untilClosed)).toEqual([200, 400]);
  await expectServing();
});

test('whatever follows garbage is not answered', async () => {
  const { socket, untilClosed } = await openConnection(api.port);
  socket.write(GARBAGE);
  socket.write(GET.repeat(100));
  expect(statusesIn(await untilClosed)).toEqual([400]);
});

test.each([
  ['in its headers', () => 'POST /submit-order HTTP/1.1\r\nHo'],
  ['in its body', () => `${POST_HEAD}Content-Length: 100\r\n\r\n{`],
  ['while its answer is being made', post],
])('a client that breaks off %s leaves nothing behind', async (_, begun) => {
  let release = () => {};
  hold = new Promise((resolve) => {
    release = resolve;
  });
  const connections = await Promise.all(Array.from({ length: 50 }, () => openConnection(api.port)));
  for (const [i, { socket }] of connections.entries()) socket.write(begun(i));
  if (begun === post) await eventually(() => expect(api.scheduled).toHaveLength(50));
  for (const { socket } of connections) socket.resetAndDestroy();
  release();
  await expectServing();
  expect(api.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});
