import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type ConfirmChannel, connect } from 'amqplib';
import { managementRequest } from '../../dev/management';
import { nodePorts } from '../../dev/node-files';
import { clearStaleNode } from '../../dev/node-record';
import { requireFreePorts } from '../../dev/node-state';
import { defaultExecutable, type PrivateBroker, startPrivateBroker } from '../../dev/private-broker';
import { isRunning, processStartTime } from '../../dev/process-end';
import { eventually } from '../broker/eventually';
import { freePort } from '../broker/node';
import { listeningAddresses } from './sockets';

// A node is started, ended and started again.
jest.setTimeout(180_000);

const root = join(__dirname, '../..');
const executable = process.env.RABBITMQ_SERVER || defaultExecutable();
const folder = mkdtempSync('/tmp/delay-broker-test-');
const dataDir = join(folder, 'node');
let port: number;
let broker: PrivateBroker | undefined;
let launcher: ChildProcess | undefined;

beforeAll(async () => {
  port = await freePort();
});
afterAll(async () => {
  await broker?.kill();
  launcher?.kill('SIGKILL');
  await eventually(() => clearStaleNode(dataDir, 0, () => undefined));
  rmSync(folder, { recursive: true, force: true });
});

const start = (options: object = {}) =>
  startPrivateBroker({ dataDir, port, executable, configFile: join(root, 'rabbitmq.conf'), ...options });

/** Starts the node from a process of its own, which prints the broker as JSON and stays. */
async function startElsewhere(): Promise<{ launcher: ChildProcess; vmPid: number }> {
  const options = JSON.stringify({ dataDir, port, executable, configFile: join(root, 'rabbitmq.conf') });
  const script =
    `require('./dist/dev/private-broker').startPrivateBroker(${options})` +
    '.then((broker) => console.log(JSON.stringify(broker)))';
  launcher = spawn(process.execPath, ['-e', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(launcher.stdout as NodeJS.ReadableStream), 'line');
  return { launcher, vmPid: JSON.parse(line).pid };
}

async function withChannel<T>(url: string, use: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  try {
    return await use(await connection.createConfirmChannel());
  } finally {
    await connection.close();
  }
}

describe('a node started by a process that was then killed', () => {
  test('is found by the next start and stopped, which says so', async () => {
    const { launcher: killed, vmPid } = await startElsewhere();
    const vmStartTime = processStartTime(vmPid) ?? '';
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(isRunning(vmPid, vmStartTime)).toBe(true);

    const lines: string[] = [];
    broker = await start({ log: (line: string) => lines.push(line) });
    expect(isRunning(vmPid, vmStartTime)).toBe(false);
    expect(lines).toEqual([
      `broker: stopping process ${vmPid}, left behind by process ${killed.pid}, which was killed`,
      'broker: stopped, its data is kept',
    ]);
  });
});

describe('a running node', () => {
  const running = () => broker as PrivateBroker;

  test('answers on AMQP and on the management API, and tells its version', async () => {
    const overview = await managementRequest(running().managementUrl, 'GET', '/api/overview');
    expect(overview).toMatchObject({ rabbitmq_version: running().version });
    await withChannel(running().amqpUrl, (channel) => channel.checkExchange('amq.direct'));
  });

  (process.platform === 'linux' ? test : test.skip)('listens on loopback only', () => {
    const { amqp, management, prometheus, distribution, epmd } = nodePorts(port);
    const sockets = listeningAddresses(running().pid, epmd);
    expect(new Set(sockets.map((socket) => socket.port))).toEqual(
      new Set([amqp, management, prometheus, distribution, epmd]),
    );
    expect(sockets.filter(({ loopback }) => !loopback)).toEqual([]);
  });

  test('moves many expired messages at once and retries soon after a kill', async () => {
    const setting = (name: string) => `application:get_env(rabbit, dead_letter_worker_${name})`;
    const { stdout } = await promisify(execFile)(
      join(dirname(executable), 'rabbitmqctl'),
      ['eval', `{${setting('consumer_prefetch')}, ${setting('publisher_confirm_timeout')}}.`],
      {
        env: {
          ...process.env,
          HOME: dataDir,
          ERL_EPMD_PORT: String(nodePorts(port).epmd),
          RABBITMQ_NODENAME: `delay-broker-${port}@localhost`,
        },
      },
    );
    expect(stdout.trim()).toBe('{{ok,1000},{ok,5000}}');
  });

  test('is not started a second time on its folder; the message names process and folder', async () => {
    const otherPort = (await freePort()) + 1;
    await expect(start({ port: otherPort })).rejects.toThrow(
      `already running (process ${process.pid}, data folder ${dataDir})`,
    );
  });

  test('keeps another one from its port; the message names port and setting', async () => {
    await expect(start({ dataDir: join(folder, 'other') })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is in use; choose another with BROKER_PORT.`,
    );
  });

  test('has its persistent messages again after stop and start', async () => {
    await withChannel(running().amqpUrl, async (channel) => {
      await channel.assertQueue('kept', { arguments: { 'x-queue-type': 'quorum' } });
      channel.sendToQueue('kept', Buffer.from('still here'), { persistent: true });
      await channel.waitForConfirms();
    });
    await running().stop();
    await requireFreePorts(nodePorts(port));

    broker = await start();
    const message = await withChannel(broker.amqpUrl, (channel) => channel.get('kept', { noAck: true }));
    expect(message).toMatchObject({ content: Buffer.from('still here') });
  });
});
