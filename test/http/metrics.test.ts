import { newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { createApp, createHealthApp } from '../../src/http/app';
import { type HttpServer, serveHttp } from '../../src/http/server';
import { createMetrics } from '../../src/metrics';
import { createScheduler } from '../../src/scheduler';
import { eventually } from '../broker/eventually';
import { recordedLog } from '../broker/world';
import { createMemoryChanges } from '../memory-ledger';
import { createMemorySchedules } from '../memory-schedules';
import { samplesOf } from '../samples';
import { EMPTY_LOT, OPEN, startApi } from './api';

let servers: HttpServer[];
let metrics: ReturnType<typeof createMetrics>;
beforeEach(async () => {
  metrics = createMetrics();
  const common = { metrics, readiness: () => [], logger: recordedLog() };
  const clock = Date.now;
  const scheduler = createScheduler({ publisher: { publish: async () => {} }, clock });
  const app = createApp({
    ...common,
    ...createMemoryChanges({ scheduler, clock }).changes,
    schedules: createMemorySchedules({ scheduler, clock }),
    clock,
    templateNames: ['welcome'],
    parkingLot: EMPTY_LOT,
    access: OPEN,
  });
  servers = [
    await serveHttp(app, { host: '127.0.0.1', port: 0 }),
    await serveHttp(createHealthApp(common), { host: '127.0.0.1', port: 0, variable: 'HEALTH_PORT' }),
  ];
});
afterEach(() => Promise.all(servers.map((server) => server.drain(1_000))));

const get = (path: string, server = 0) => fetch(`http://127.0.0.1:${servers[server]?.port}${path}`);

test.each([
  ['the API', 0],
  ['a consumer process', 1],
])('%s shows its metrics in the format of Prometheus', async (_, server) => {
  metrics.accepted('orders');
  const answer = await get('/metrics', server);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(samplesOf(await answer.text())).toMatchObject({
    'delay_broker_accepted_total{target="orders"}': 1,
    process_start_time_seconds: expect.any(Number),
  });
});

test('requests are measured by route and status, and no label has what the client chose', async () => {
  await get('/v1/parked/orders');
  await get('/v1/parked/mine');
  await get('/secret-1');
  await fetch(`http://127.0.0.1:${servers[0]?.port}/submit-order`, { method: 'POST' });
  await eventually(async () => {
    const text = await (await get('/metrics')).text();
    expect(samplesOf(text)).toMatchObject({
      'delay_broker_http_request_seconds_count{method="GET",route="/v1/parked/:target",status="200"}': 1,
      'delay_broker_http_request_seconds_count{method="GET",route="/v1/parked/:target",status="404"}': 1,
      'delay_broker_http_request_seconds_count{method="GET",route="none",status="404"}': 1,
      'delay_broker_http_request_seconds_count{method="POST",route="/submit-order",status="422"}': 1,
    });
    expect(text).not.toMatch(/secret|mine/);
  });
});

test('with keys a scrape needs one too, unless the path is public; what was refused before counts', async () => {
  const { key, entry } = newApiKey('prometheus');
  const keys = parseApiKeys(entry);
  const closed = await startApi({
    access: { keys, publicPaths: [], rateLimit: { requests: 2, windowMs: 60_000 } },
  });
  const statusOf = async (path: string, headers = {}) => (await closed.request(path, { headers })).status;
  expect(await statusOf('/v1/parked')).toBe(401);
  expect(await statusOf('/metrics')).toBe(401);
  expect(await statusOf('/v1/parked')).toBe(429);
  const authorized = { headers: { Authorization: `Bearer ${key}` } };
  const scraped = await fetch(`http://127.0.0.1:${closed.port}/metrics`, authorized);
  expect(samplesOf(await scraped.text())).toMatchObject({
    'delay_broker_http_request_seconds_count{method="GET",route="none",status="401"}': 2,
    'delay_broker_http_request_seconds_count{method="GET",route="none",status="429"}': 1,
  });
  await closed.close();

  const open = await startApi({ access: { keys, publicPaths: ['/metrics'] } });
  expect((await fetch(`http://127.0.0.1:${open.port}/metrics`)).status).toBe(200);
  await open.close();
});
