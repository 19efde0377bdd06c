import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokerUnavailableError } from '../../../src/errors';
import { newApiKey, parseApiKeys } from '../../../src/http/api-keys';
import { type AccessOptions, createApp } from '../../../src/http/app';
import { METHODS } from '../../../src/http/routes';
import { type HttpServer, serveHttp } from '../../../src/http/server';
import { createMetrics } from '../../../src/metrics';
import { recordedLog } from '../../broker/world';
import { type Api, EMPTY_LOT, NOW, OPEN, startApi } from '../api';
import {
  type Described,
  document,
  type ExampleRequest,
  exampleRequests,
  examplesOf,
  faultsIn,
  faultsOfAnswer,
  operations,
} from './described';

const root = join(__dirname, '../../..');

/** An app whose every part fails like this. */
function failingApp(error: Error) {
  const fail = () => Promise.reject(error);
  return createApp({
    acceptance: { accept: fail, note: () => {} },
    cancellation: { cancel: fail },
    rescheduling: { reschedule: fail, runNow: fail },
    schedules: { known: fail, get: () => undefined, all: () => [], put: fail, remove: fail },
    replacement: { replace: fail, cancelLatest: fail },
    ledger: { find: fail, require: fail, view: () => ({}) as never, isComplete: () => true },
    reporter: { report: fail },
    parkingLot: { ...EMPTY_LOT, counts: fail, look: fail, redrive: fail, remove: fail },
    readiness: () => ['RabbitMQ at mq is not reachable.'],
    access: OPEN,
    clock: Date.now,
    templateNames: ['welcome', 'reminder'],
    metrics: createMetrics(),
    logger: recordedLog(),
  });
}

test('the document is OpenAPI 3.1', () => {
  const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
  try {
    writeFileSync(join(folder, 'openapi.json'), JSON.stringify(document));
    // A process of its own: the validator is an ES module, which jest does not load.
    const validator = join(root, 'node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js');
    const verdict = execFileSync(process.execPath, [validator, join(folder, 'openapi.json')]);
    expect(JSON.parse(String(verdict))).toEqual({ valid: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every operation has a name of its own, and every schema is used', () => {
  const names = operations.map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  const text = JSON.stringify(document);
  const unused = Object.keys(document.components.schemas).filter(
    (name) => !text.includes(`"#/components/schemas/${name}"`),
  );
  expect(unused).toEqual([]);
});

test('what is served is described, and nothing else', () => {
  const { stack } = failingApp(new Error()).router;
  const served = stack.flatMap(({ route }) => {
    if (!route) return [];
    const methods = route.stack.map(({ method }) => method as (typeof METHODS)[number] | undefined);
    return METHODS.filter((method) => methods.includes(method)).map(
      (method) => `${method.toUpperCase()} ${route.path.replace(/:(\w+)/g, '{$1}')}`,
    );
  });
  expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort());
});

describe.each(operations.map((each) => [each.method, each.path, each] as const))(
  '%s %s',
  (method, path, each) => {
    const { operation } = each;

    test('the examples are as their schemas say', () => {
      const contents = [operation.requestBody, ...Object.values(operation.responses)].flatMap((body) =>
        Object.values(body?.content ?? {}),
      );
      for (const content of contents) {
        for (const example of examplesOf(content)) expect(faultsIn(content.schema, example)).toEqual([]);
      }
    });

    test.each(
      Object.keys(operation.responses)
        .filter((status) => status !== 'default')
        .map(Number),
    )('%d is answered as described', async (status) => {
      const answers = await provoke(status, each);
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => status));
      for (const answer of answers) expect(await faultsOfAnswer(operation, answer)).toEqual([]);
    });

    test('any other error is answered as described', async () => {
      const schema = operation.responses.default?.content?.['application/problem+json']?.schema ?? {};
      const [request] = exampleRequests(each);
      const answer = await withApp(failingApp(new Error('secret')), (send) =>
        send(request as ExampleRequest),
      );
      if (answer.status < 500) return expect(PURE).toContain(`${method} ${path}`);
      expect(faultsIn(schema, await answer.json())).toEqual([]);
    });
  },
);

/** What cannot fail. */
const PURE = ['GET /livez', 'GET /metrics', 'GET /openapi.json', 'GET /docs', 'POST /v1/messages/batch'];

type Send = (request: ExampleRequest) => Promise<Response>;

/** Whatever leads to this status: more than one answer where there is more than one way to ask. */
async function provoke(status: number, described: Described): Promise<Response[]> {
  const requests = exampleRequests(described);
  if (status === 503)
    return withApp(failingApp(new BrokerUnavailableError('RabbitMQ at mq is not reachable.')), (send) =>
      Promise.all(requests.map(send)),
    );
  const api: Api = await startApi({
    ledgerOff: status === 501,
    access: accessFor(status),
    beforeSchedule: (entry) => {
      if (status === 409) api.schedules.note({ ...brokenSchedule, revision: `${entry.revision}Z` } as never);
    },
  });
  try {
    const send: Send = ({ path, init }) => fetch(`http://127.0.0.1:${api.port}${path}`, init);
    if (status < 300 || status === 403) await seed(api);
    if ([200, 202, 403].includes(status)) await seedSchedule(api);
    if (status === 409) await conflict(api);
    if (status === 429) await api.request('/nowhere');
    return await Promise.all(requests.flatMap((request) => spoilt(status, request)).map(send));
  } finally {
    await api.close();
  }
}

const KEY = newApiKey('shop');
const BOUND_KEY = newApiKey('hooks', ['webhooks']);

/** Keys where they are what the status is about, and a limit that is reached at once. */
function accessFor(status: number): AccessOptions {
  const keys = status === 401 || status === 403 ? parseApiKeys(`${KEY.entry},${BOUND_KEY.entry}`) : [];
  return { ...OPEN, keys, rateLimit: status === 429 ? { requests: 1, windowMs: 60_000 } : undefined };
}

/** The request, but so that it leads to this status. */
function spoilt(status: number, request: ExampleRequest): ExampleRequest[] {
  const { path, init } = request;
  const headers = (more: Record<string, string>) => ({ ...init, headers: { ...init.headers, ...more } });
  switch (status) {
    case 400:
      return [{ path, init: headers({ 'Content-Encoding': 'gzip' }) }];
    case 415:
      return [{ path, init: headers({ 'Content-Encoding': 'unknown' }) }];
    case 413:
      return [{ path, init: { ...init, body: ' '.repeat(8 * 1024 * 1024 + 1) } }];
    case 401:
      return [
        { path, init },
        { path, init: headers({ Authorization: 'Bearer wrong' }) },
      ];
    case 403: {
      const { key } = BOUND_KEY;
      const query = path === '/v1/messages' && init.method === 'GET' ? '?to=orders' : '';
      const bound = { path: path + query, init: headers({ Authorization: `Bearer ${key}` }) };
      if (init.method === 'GET') return [bound];
      const foreign = { path, init: headers({ 'Sec-Fetch-Site': 'cross-site' }) };
      // What of a batch a key is not good for is said in its result.
      return path === '/v1/messages/batch' ? [foreign] : [bound, foreign];
    }
    case 404:
      return [{ path: path.replace('/parked/orders', '/parked/nowhere'), init }];
    case 422:
      return ['application/json', 'application/problem+json'].map((Accept) => ({
        path: init.body === undefined ? `${path.replace('orders-sweep', 'x'.repeat(65))}?wrong=1` : path,
        init: { ...headers({ Accept }), ...(init.body !== undefined && { body: unreadable(init.headers) }) },
      }));
    default:
      return [request];
  }
}

/** No object and no array, or no line. */
const unreadable = (headers: Record<string, string>) =>
  headers['Content-Type'] === 'application/x-ndjson' ? '\n' : '7';

const EXAMPLE_MESSAGE = { to: 'orders', payload: { order_id: 'A-7', expire_minutes: 30 }, id: 'cart-7' };

/** The message, the order and the meeting that the examples are about. */
async function seed(
  api: Api,
  { delay = '30m', expire_minutes = 30, starts_at = '2035-06-04T15:00:00+02:00' } = {},
): Promise<void> {
  const headers = { Authorization: `Bearer ${KEY.key}` };
  await api.post('/v1/messages', { ...EXAMPLE_MESSAGE, delay }, headers);
  await api.post('/submit-order', { order_id: 'A-1', expire_minutes }, headers);
  await api.post(
    '/meeting-reminder',
    { meeting_id: 'planning', email: 'ada@example.com', starts_at, title: 'Planning' },
    headers,
  );
}

const EXAMPLE_SCHEDULE = { cron: '0 8,12,18 * * *', to: 'orders', payload: { order_id: 'sweep' } };
const brokenSchedule = {
  kind: 'schedule',
  ...{ name: 'orders-sweep', revision: '0', createdAt: NOW, putAt: NOW },
  definition: { ...EXAMPLE_SCHEDULE, moon: 'full' },
} as const;

/** The schedule that the examples are about, put before. */
async function seedSchedule(api: Api): Promise<void> {
  const headers = { Authorization: `Bearer ${KEY.key}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify(EXAMPLE_SCHEDULE);
  await api.request('/v1/schedules/orders-sweep', { method: 'PUT', headers, body });
}

/** All have been handled, and stand for something else than in the examples; somebody is about to move the meeting. */
async function conflict(api: Api): Promise<void> {
  await seed(api, { delay: '1h', expire_minutes: 60, starts_at: '2035-06-04T16:00:00+02:00' });
  for (const { id = '', to, delivery = '', dueAt } of api.scheduled)
    await api.recorder.record({ kind: 'handled', id, to, delivery, attempt: 1, dueAt, at: NOW });
  api.schedules.note(brokenSchedule);
  const elsewhere = { to: 'emails', delivery: 'elsewhere', attempt: 1, dueAt: NOW, at: NOW };
  await api.recorder.record({ kind: 'claimed', id: `meeting:planning:${NOW / 60_000 + 1}`, ...elsewhere });
}

async function withApp<T>(app: ReturnType<typeof createApp>, use: (send: Send) => Promise<T>): Promise<T> {
  const server: HttpServer = await serveHttp(app, { host: '127.0.0.1', port: 0, logger: recordedLog() });
  try {
    return await use(({ path, init }) => fetch(`http://127.0.0.1:${server.port}${path}`, init));
  } finally {
    await server.drain(1_000);
  }
}
