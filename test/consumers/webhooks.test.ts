import { Webhook } from 'standardwebhooks';
import type { z } from 'zod';
import { createGuardedConnector } from '../../src/consumers/calls/address-guard';
import { createHttpCaller, type HttpCaller } from '../../src/consumers/calls/http-caller';
import { parseAllowList } from '../../src/consumers/calls/networks';
import { done, reject, retry } from '../../src/consumers/outcome';
import { parseWebhookSecrets } from '../../src/consumers/webhook-signature';
import { createWebhooksHandler } from '../../src/consumers/webhooks';
import { TARGETS } from '../../src/targets';
import { recordedLog } from '../broker/world';
import { ANSWER_BODY, type ScriptedServer, scriptedServer, status } from './calls/scripted-server';

const OLD = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const NEW = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

let server: ScriptedServer;
let caller: HttpCaller;
beforeEach(async () => {
  server = await scriptedServer();
  const connect = createGuardedConnector({ allow: parseAllowList('127.0.0.1'), timeoutMs: 1_000 });
  caller = createHttpCaller({ clock: Date.now, connect });
});
afterEach(async () => {
  await caller.close();
  await server.close();
});

async function handle(payload: Partial<z.input<typeof TARGETS.webhooks>> = {}, secrets = '') {
  const logger = recordedLog();
  const handler = createWebhooksHandler({
    caller,
    secrets: secrets ? parseWebhookSecrets(secrets) : [],
    clock: Date.now,
    logger,
  });
  const url = `http://${server.host}/PATH?token=TOKEN`;
  const outcome = await handler(
    {
      id: '01ARYZ6S41TSV4RRFFQ69G5FAV',
      to: 'webhooks',
      payload: TARGETS.webhooks.parse({ url, ...payload }),
      dueAt: 0,
      acceptedAt: 0,
      attempt: 1,
      delivery: 'd',
    },
    new AbortController().signal,
  );
  const [{ headers, ...received } = { method: '', path: '', headers: {}, body: '' }] = server.received;
  return { outcome, received, headers: headers as Record<string, string>, log: logger.lines };
}

test('a webhook is called with its JSON, and the log says which, where and how it went', async () => {
  const { outcome, received, headers, log } = await handle({ body: { paid: false, tags: ['ü'] } });
  expect(outcome).toEqual(done);
  expect(received).toEqual({
    method: 'POST',
    path: '/PATH?token=TOKEN',
    body: '{"paid":false,"tags":["ü"]}',
  });
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'delay-broker' });
  expect(log).toEqual([
    {
      level: 'info',
      event: 'webhook called',
      messageId: '01ARYZ6S41TSV4RRFFQ69G5FAV',
      host: server.host,
      status: 200,
    },
  ]);
});

test.each<[unknown, string | undefined, string]>([
  ['as it is', 'text/plain; charset=utf-8', 'as it is'],
  ['', 'text/plain; charset=utf-8', ''],
  [null, 'application/json', 'null'],
  [[1, 'a'], 'application/json', '[1,"a"]'],
  [0, 'application/json', '0'],
  [undefined, undefined, ''],
])('the body %j is sent as %s', async (body, type, sent) => {
  const { received, headers } = await handle({ body: body as never }, OLD);
  expect(headers['content-type']).toBe(type);
  expect(received.body).toBe(sent);
  expect(() => new Webhook(OLD).verify(sent, headers, { jsonParse: false })).not.toThrow();
});

test("the caller's own headers win, in whatever case they are written", async () => {
  const own = { 'CONTENT-TYPE': 'application/cloudevents+json', 'User-Agent': 'shop', 'X-Shop': 'a, b' };
  const { headers } = await handle({ headers: own, body: {} });
  expect(headers).toMatchObject({
    'content-type': 'application/cloudevents+json',
    'user-agent': 'shop',
    'x-shop': 'a, b',
  });
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const)('%s, signed', async (method) => {
  const { outcome, received, headers } = await handle({ method, body: { a: 1 } }, OLD);
  expect(outcome).toEqual(done);
  expect(received.method).toBe(method);
  expect(new Webhook(OLD).verify(received.body, headers)).toEqual({ a: 1 });
});

test('with two secrets, either verifies what arrived', async () => {
  const { received, headers } = await handle({ body: 'Grüße' }, `${NEW},${OLD}`);
  for (const secret of [OLD, NEW])
    expect(() => new Webhook(secret).verify(received.body, headers, { jsonParse: false })).not.toThrow();
});

test('without a secret, id and time go along all the same', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { headers } = await handle({ body: {} });
  expect(headers['webhook-id']).toBe('01ARYZ6S41TSV4RRFFQ69G5FAV');
  expect(Number(headers['webhook-timestamp'])).toBeGreaterThanOrEqual(before);
  expect(Number(headers['webhook-timestamp'])).toBeLessThanOrEqual(Date.now() / 1000);
  expect(headers).not.toHaveProperty('webhook-signature');
});

test.each([
  [404, {}, () => reject(`POST ${server.host} answered 404`)],
  [302, { location: '/' }, () => reject(`POST ${server.host} answered 302: redirects are not followed`)],
  [503, { 'retry-after': '3' }, () => retry(`POST ${server.host} answered 503`, 3_000)],
])('%d %j is no success, and no log says so', async (code, headers, expected) => {
  server.answer(status(code, headers as Record<string, string>));
  const { outcome, log } = await handle({ body: {} });
  expect(outcome).toEqual(expected());
  expect(server.received).toHaveLength(1);
  expect(log).toEqual([]);
});

test("neither the answer's body nor path and query are told to anybody", async () => {
  for (const code of [200, 400, 500]) {
    server.answer(status(code));
    const { outcome, log } = await handle({ body: {} }, OLD);
    expect(JSON.stringify([outcome, log])).not.toMatch(new RegExp(`${ANSWER_BODY}|TOKEN|PATH|whsec|v1,`));
  }
});
