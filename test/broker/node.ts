/** RabbitMQ nodes for tests: one for the whole run, and one of its own for a test that stops or kills it. */
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { nodeName, nodePorts } from '../../dev/node-files';
import { defaultExecutable, type PrivateBroker, startPrivateBroker } from '../../dev/private-broker';

/**
 * A node on free ports, its data in a folder of its own under /tmp; RABBITMQ_SERVER chooses the executable.
 *
 * @param additionalConfig further lines of rabbitmq.conf
 * @param executable another `rabbitmq-server`
 */
export async function startTestNode(
  additionalConfig?: string,
  executable = process.env.RABBITMQ_SERVER || undefined,
): Promise<PrivateBroker & { dataDir: string; restart(): Promise<PrivateBroker> }> {
  const dataDir = mkdtempSync('/tmp/delay-broker-test-');
  const port = await freePort();
  const start = () =>
    startPrivateBroker({
      dataDir,
      port,
      configFile: join(__dirname, '../../rabbitmq.conf'),
      executable,
      additionalConfig,
    });
  return { ...(await start()), dataDir, restart: start };
}

/** Runs rabbitmqctl on a node of startTestNode, or of startTestCluster. */
export async function controlNode(
  { dataDir, port }: { dataDir: string; port: number },
  ...args: string[]
): Promise<void> {
  const executable = process.env.RABBITMQ_SERVER || defaultExecutable();
  const env = {
    ...process.env,
    HOME: dataDir,
    ERL_EPMD_PORT: String(nodePorts(port).epmd),
    RABBITMQ_NODENAME: nodeName(port),
  };
  await promisify(execFile)(join(dirname(executable), 'rabbitmqctl'), args, { env });
}

/**
 * An AMQP port from which all of a node's ports are free; each process looks from another one on.
 *
 * @param taken AMQP ports that are spoken for; default none
 */
export async function freePort(taken: readonly number[] = []): Promise<number> {
  for (let port = 6_000 + (process.pid % 200) * 10; port < 8_600; port++) {
    if (taken.includes(port)) continue;
    const inUse = await Promise.all(Object.values(nodePorts(port)).map(isTaken));
    if (!inUse.includes(true)) return port;
  }
  throw new Error('no free ports from 6000 to 8600');
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)));
  });
}
