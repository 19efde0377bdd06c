import { createHealthApp } from '../../src/http/app';
import { type HttpServer, serveHttp } from '../../src/http/server';
import { createMetrics } from '../../src/metrics';
import { recordedLog } from '../broker/world';
import { type Api, startApi } from './api';

let reasons: string[];
let api: Api;
let healthServer: HttpServer;
beforeAll(async () => {
  const notReady = () => reasons;
  api = await startApi({ notReady });
  const app = createHealthApp({ readiness: notReady, metrics: createMetrics(), logger: recordedLog() });
  healthServer = await serveHttp(app, { host: '127.0.0.1', port: 0, variable: 'HEALTH_PORT' });
});
beforeEach(() => {
  reasons = [];
});
afterAll(() => Promise.all([api.close(), healthServer.drain(1_000)]));

describe.each([
  ['the API', () => api.port],
  ['a consumer process', () => healthServer.port],
])('of %s', (_, port) => {
  const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port()}${path}`, { method });

  test('what works is alive and ready', async () => {
    expect(await (await get('/livez')).json()).toEqual({ status: 'alive' });
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready' });
  });

  test('what cannot work is alive, but not ready, and says why', async () => {
    reasons = ['RabbitMQ at localhost is not reachable.', 'Not consuming orders.'];
    expect((await get('/livez')).status).toBe(200);
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(await answer.json()).toMatchObject({
      status: 503,
      detail: 'RabbitMQ at localhost is not reachable. Not consuming orders.',
    });
  });

  test('HEAD tells the same without a body', async () => {
    expect((await get('/livez', 'HEAD')).status).toBe(200);
    reasons = ['Not consuming orders.'];
    const answer = await get('/readyz', 'HEAD');
    expect([answer.status, await answer.text()]).toEqual([503, '']);
  });
});

test('a consumer process answers for its health and metrics and nothing else', async () => {
  const answer = await fetch(`http://127.0.0.1:${healthServer.port}/submit-order`, { method: 'POST' });
  expect(answer.status).toBe(404);
});
