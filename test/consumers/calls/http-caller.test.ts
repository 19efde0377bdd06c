import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Call, createHttpCaller, type HttpCaller } from '../../../src/consumers/calls/http-caller';
import { guardHandler } from '../../../src/consumers/handler';
import { done, type Outcome, reject, retry } from '../../../src/consumers/outcome';
import { webhookPayload } from '../../../src/targets';
import { eventually } from '../../broker/eventually';
import { type Answering, type ScriptedServer, scriptedServer, status } from './scripted-server';

const NOW = Date.parse('2026-11-20T12:00:00.000Z');

let server: ScriptedServer;
let caller: HttpCaller;
beforeEach(async () => {
  server = await scriptedServer();
  caller = createHttpCaller({ clock: () => NOW });
});
afterEach(async () => {
  await caller.close();
  await server.close();
});

/** Calls with everything in the URL that must never be seen again. */
const call = (options: Partial<Call> = {}, signal = new AbortController().signal) =>
  caller.call(
    {
      method: 'POST',
      url: new URL(`http://ann:PASSWORD@${server.host}/PATH?token=TOKEN`),
      headers: {},
      ...options,
    },
    signal,
  );

const failure = (says: string) => `POST ${server.host} answered ${says}`;

test.each<[number, Record<string, string>, () => Outcome]>([
  [200, {}, () => done],
  [201, {}, () => done],
  [204, {}, () => done],
  [299, {}, () => done],
  [301, { location: 'http://127.0.0.1:1/' }, () => reject(failure('301: redirects are not followed'))],
  [302, { location: 'http://127.0.0.1:1/' }, () => reject(failure('302: redirects are not followed'))],
  [304, {}, () => reject(failure('304: redirects are not followed'))],
  [307, { location: '/again' }, () => reject(failure('307: redirects are not followed'))],
  [400, {}, () => reject(failure('400'))],
  [400, { 'retry-after': '5' }, () => reject(failure('400'))],
  [401, { 'www-authenticate': 'Basic' }, () => reject(failure('401'))],
  [404, {}, () => reject(failure('404'))],
  [408, {}, () => retry(failure('408'))],
  [409, {}, () => reject(failure('409'))],
  [410, {}, () => reject(failure('410'))],
  [425, {}, () => retry(failure('425'))],
  [429, {}, () => retry(failure('429'))],
  [429, { 'retry-after': '7' }, () => retry(failure('429'), 7_000)],
  [429, { 'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT' }, () => retry(failure('429'), 30_000)],
  [500, {}, () => retry(failure('500'))],
  [502, {}, () => retry(failure('502'))],
  [503, { 'retry-after': '120' }, () => retry(failure('503'), 120_000)],
  [503, { 'retry-after': 'soon' }, () => retry(failure('503'))],
  [504, {}, () => retry(failure('504'))],
])('%d %j', async (code, headers, expected) => {
  server.answer(status(code, headers));
  const result = await call();
  expect(result).toEqual({ outcome: expected(), status: code });
  expect(server.received).toHaveLength(1);
});

describe('no answer', () => {
  const reset: Answering = (_res, req) => req.socket.resetAndDestroy();
  const hangUp: Answering = (_res, req) => req.socket.end();
  const gibberish: Answering = (_res, req) => req.socket.end('SECRET gibberish\r\n\r\n');
  const broken: Answering = (_res, req) => req.socket.end('HTTP/1.1 200 OK\r\nX-A: ');

  test.each<[string, Answering, string]>([
    ['a connection that is reset', reset, 'ECONNRESET'],
    ['a connection that is closed', hangUp, 'other side closed'],
    ['something that is no HTTP', gibberish, 'HTTP'],
    ['headers that break off', broken, 'other side closed'],
  ])('%s is tried again', async (_, answering, says) => {
    server.answer(answering);
    const { outcome, status } = await call();
    expect(outcome).toEqual({ kind: 'retry', error: expect.stringContaining(says) });
    expect(outcome).toMatchObject({ error: expect.stringContaining(`POST ${server.host}: `) });
    expect(status).toBeUndefined();
    expect(JSON.stringify(outcome)).not.toMatch(/SECRET|TOKEN|PASSWORD|PATH/);
  });

  test('a server that is not there is tried again', async () => {
    const { host, port } = server;
    await server.close();
    const { outcome } = await call();
    server = await scriptedServer();
    // Node's own errors are no instances of Jest's Error: in here, their name goes before the message.
    expect(outcome).toEqual({
      kind: 'retry',
      error: expect.stringMatching(`^POST ${host}: (Error: )?connect ECONNREFUSED 127.0.0.1:${port}$`),
    });
  });

  test('a host that nobody knows is tried again', async () => {
    const { outcome } = await call({ url: new URL('http://ann:PASSWORD@nowhere.invalid/?token=TOKEN') });
    expect(outcome).toEqual({
      kind: 'retry',
      error: expect.stringMatching(
        /^POST nowhere\.invalid: (Error: )?getaddrinfo (ENOTFOUND|EAI_AGAIN) nowhere\.invalid$/,
      ),
    });
  });

  test('a call whose time is over is ended, and tried again', async () => {
    let hungUp: Promise<unknown> | undefined;
    server.answer((res) => {
      hungUp = once(res, 'close');
    });
    const { outcome } = await call({}, AbortSignal.timeout(100));
    expect(outcome).toMatchObject({ kind: 'retry', error: expect.stringContaining(`POST ${server.host}: `) });
    await hungUp;
  });

  test("the handler's time limit ends the call", async () => {
    let hungUp: Promise<unknown> | undefined;
    server.answer((res) => {
      hungUp = once(res, 'close');
    });
    const handler = guardHandler(webhookPayload, async (_, signal) => (await call({}, signal)).outcome, 100);
    const message = { id: 'm', to: 'webhooks', dueAt: 0, acceptedAt: 0, attempt: 1, delivery: 'd' };
    await expect(handler({ ...message, payload: { url: 'https://example.com' } })).resolves.toEqual(
      retry('took longer than 100 ms'),
    );
    await hungUp;
  });

  test('what can never be sent is rejected', async () => {
    const { outcome } = await call({ headers: { 'x-a': 'a\nb' } });
    expect(outcome).toEqual(reject(`POST ${server.host}: invalid x-a header`));
    expect(server.connections()).toBe(0);
  });
});

describe("the answer's body", () => {
  test('nobody waits for one that never ends, and its connection is closed', async () => {
    let hungUp: Promise<unknown> | undefined;
    server.answer((res) => {
      hungUp = once(res, 'close');
      res.writeHead(200).write('SECRET');
    });
    const startedAt = performance.now();
    await expect(call()).resolves.toEqual({ outcome: done, status: 200 });
    expect(performance.now() - startedAt).toBeLessThan(900);
    await hungUp;
  });

  test('nobody reads one that is too long', async () => {
    let written = 0;
    let hungUp: Promise<unknown> | undefined;
    server.answer((res) => {
      hungUp = once(res, 'close');
      const write = () => {
        while (!res.destroyed && res.write(Buffer.alloc(65_536))) written += 65_536;
      };
      write();
      res.on('drain', write);
    });
    await call();
    await hungUp;
    expect(written).toBeLessThan(50_000_000);
  });

  test('a short one leaves its connection for the next call', async () => {
    await call();
    await eventually(async () => {
      const before = server.connections();
      await call();
      expect(server.connections()).toBe(before);
    });
  });
});

test('a call arrives as it was made', async () => {
  await call({ method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'Grüße' });
  expect(server.received).toEqual([
    {
      method: 'PUT',
      path: '/PATH?token=TOKEN',
      headers: {
        host: server.host,
        connection: 'keep-alive',
        'user-agent': 'delay-broker',
        authorization: `Basic ${Buffer.from('ann:PASSWORD').toString('base64')}`,
        'content-type': 'text/plain',
        'content-length': '7',
      },
      body: 'Grüße',
    },
  ]);
});

test.each(['GET', 'DELETE', 'POST', 'PATCH'] as const)('%s without a body', async (method) => {
  await call({ method, url: new URL(`http://${server.host}`) });
  expect(server.received).toMatchObject([{ method, path: '/', body: '' }]);
  expect(server.received[0]?.headers).not.toHaveProperty('authorization');
});

test.each(['GET', 'DELETE'] as const)('%s with a body', async (method) => {
  await call({ method, body: 'text' });
  expect(server.received).toMatchObject([{ method, body: 'text' }]);
});

test("user and password are decoded, and the call's own header goes before them", async () => {
  const url = new URL(`http://a%40b:p%3A%C3%BC@${server.host}`);
  await call({ url });
  await call({ url, headers: { authorization: 'Bearer x' } });
  expect(server.received.map(({ headers }) => headers.authorization)).toEqual([
    `Basic ${Buffer.from('a@b:p:ü').toString('base64')}`,
    'Bearer x',
  ]);
});

test('closing ends what still runs', async () => {
  server.answer(() => {});
  const running = call();
  await eventually(() => expect(server.received).toHaveLength(1));
  await Promise.race([caller.close(), sleep(5_000, undefined, { ref: false })]);
  await expect(running).resolves.toMatchObject({ outcome: { kind: 'retry' } });
});
