import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { nodePorts } from '../../dev/node-files';
import { requireFreePorts } from '../../dev/node-state';
import { isRunning } from '../../dev/process-end';
import { eventually } from '../broker/eventually';
import { freePort } from '../broker/node';
import { type Run, runStart, type Started, startedProcesses } from './start-run';

// A node is started, ended and started again.
jest.setTimeout(180_000);

const folder = mkdtempSync('/tmp/delay-broker-test-');
const dataDir = join(folder, 'node');
const env: Record<string, string> = {};
let run: Run;

beforeAll(async () => {
  const brokerPort = await freePort();
  Object.assign(env, {
    AMQP_URL: '',
    BROKER_PORT: String(brokerPort),
    BROKER_DATA_DIR: dataDir,
    HTTP_PORT: String(await freeHttpPort()),
    OUTBOX_DIR: join(folder, 'outbox'),
  });
});
afterAll(async () => {
  await run?.end(dataDir);
  rmSync(folder, { recursive: true, force: true });
});

function freeHttpPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

const post = (body: object) =>
  fetch(`http://127.0.0.1:${env.HTTP_PORT}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const order = { to: 'orders', payload: { order_id: 'A1', expire_minutes: 0 }, delay: '0s' };

const runs = ({ pid, startTime }: Started) => isRunning(pid, startTime);

test('starts a broker, the queues and the service, which takes an order and handles it', async () => {
  run = runStart(env);
  await run.line(/listening/);
  expect(run.output()).toMatch(
    new RegExp(`^broker: RabbitMQ [\\d.]+ on 127\\.0\\.0\\.1:${env.BROKER_PORT}, management UI at http`, 'm'),
  );
  expect(run.output()).toMatch(/has all \d+ exchanges \(\d+ new\), \d+ queues \(\d+ new\)/);

  expect((await post(order)).status).toBe(202);
  await run.line(/order\.expired/);
});

test('where the broker port is taken, says so in one line and ends', async () => {
  const other = runStart({ ...env, BROKER_DATA_DIR: join(folder, 'other') });
  expect(await other.exitCode).toBe(1);
  expect(other.output().trim()).toBe(
    `Port ${env.BROKER_PORT} on 127.0.0.1 is in use; choose another with BROKER_PORT.`,
  );
});

test('where the HTTP port is taken, says so in one line and ends', async () => {
  const other = runStart({ ...env, AMQP_URL: `amqp://127.0.0.1:${env.BROKER_PORT}` });
  expect(await other.exitCode).toBe(1);
  expect(other.output()).toMatch(
    new RegExp(
      `^delay-broker: Port ${env.HTTP_PORT} on 127.0.0.1 is in use; choose another with HTTP_PORT.$`,
      'm',
    ),
  );
});

test('killed, its service ends by itself, and the next start stops the broker left behind', async () => {
  const { service, node } = await startedProcesses(Number(env.BROKER_PORT), dataDir);
  expect([service, node].map(runs)).toEqual([true, true]);
  run.kill();
  await eventually(() => expect(runs(service)).toBe(false));
  expect(runs(node)).toBe(true);
  await run.exitCode;
  expect(run.output()).toMatch(/start: the process that started this one is gone, so it stops as well/);
  expect(run.output()).toMatch(/stopped/);

  run = runStart(env);
  await run.line(/listening/);
  expect(run.output()).toMatch(
    /^broker: stopping process \d+, left behind by process \d+, which was killed$/m,
  );
  expect(runs(node)).toBe(false);
  expect((await post(order)).status).toBe(202);
});

test('told to end, ends with code 0 and leaves nothing running', async () => {
  const { service, node } = await startedProcesses(Number(env.BROKER_PORT), dataDir);
  run.terminate();
  expect(await run.exitCode).toBe(0);
  expect([service, node].map(runs)).toEqual([false, false]);
  await requireFreePorts(nodePorts(Number(env.BROKER_PORT)));
});

test('where AMQP_URL leads nowhere, says where it looked and what to check, without the password', async () => {
  const nowhere = await freeHttpPort();
  const other = runStart({ ...env, AMQP_URL: `amqp://someone:secret@127.0.0.1:${nowhere}` });
  expect(await other.exitCode).toBe(1);
  expect(other.output()).toMatch(`127.0.0.1:${nowhere}`);
  expect(other.output()).toMatch(/rabbitmq-diagnostics ping.*AMQP_URL/);
  expect(other.output()).not.toMatch('secret');
});
