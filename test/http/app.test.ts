import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Api, PATHS, startApi } from './api';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

test.each([
  '/',
  '/submit-orders',
  '/v1',
  '/v1/messages/1/2',
  '/orders/A1',
  '/%E0%A4%A',
  '/%00',
  '/..%2f..%2fetc/passwd',
  '//livez',
])('there is nothing at %s', async (path) => {
  for (const method of ['GET', 'POST', 'PUT']) {
    const { status, headers, body } = await api.request(path, { method });
    expect([status, body.type]).toEqual([404, 'urn:delay-broker:problem:not-found']);
    expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
  }
});

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const ALLOWED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(PATHS.map((path) => [path, 'POST'])),
  '/v1/messages': 'GET, POST, HEAD',
  '/v1/messages/1': 'GET, PATCH, DELETE, HEAD',
  '/v1/messages/1/run-now': 'POST',
  '/orders/A1/paid': 'POST',
  '/v1/overview': 'GET, HEAD',
  '/livez': 'GET, HEAD',
  '/readyz': 'GET, HEAD',
};

test.each(
  Object.entries(ALLOWED).flatMap(([path, allowed]) =>
    METHODS.filter((method) => !allowed.split(', ').includes(method)).map((method) => [
      method,
      path,
      allowed,
    ]),
  ),
)('%s %s is not allowed, only %s', async (method, path, allowed) => {
  const { status, headers, body } = await api.request(path as string, { method: method as string });
  expect([status, headers.get('Allow')]).toEqual([405, allowed]);
  if (method !== 'HEAD') expect(body.type).toBe('urn:delay-broker:problem:method-not-allowed');
});

test('a body is only read where one is asked for', async () => {
  const broken = { headers: { 'Content-Type': 'application/json' }, body: '{' };
  expect((await api.request('/nowhere', { method: 'POST', ...broken })).status).toBe(404);
  expect((await api.request('/submit-order', { method: 'PUT', ...broken })).status).toBe(405);
});

test.each([
  'GET http://[ HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET /\u0001 HTTP/1.1',
  'BREW /livez HTTP/1.1',
  'GET',
])('the request line "%s" is the client\'s fault', async (line) => {
  const socket = connect(api.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`);
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
  expect(answer).not.toMatch(/\n +at |node_modules/);
});

test.each(['/livez', '/nowhere', '/submit-order'])(
  '%s tells browsers to do nothing with it',
  async (path) => {
    const { headers } = await api.request(path);
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
  },
);

test('nothing tells what the server is made of', async () => {
  const { headers } = await api.request('/livez');
  expect(headers.get('X-Powered-By')).toBeNull();
});
