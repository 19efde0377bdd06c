/**
 * Three RabbitMQ nodes as one cluster on this machine. Private nodes have an epmd and a cookie each and know nothing of each
 * other; these share both. They share the machine's cores and disk, too: what three machines can do, they do not show.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launchNode } from '../../dev/launched-node';
import { managementRequest } from '../../dev/management';
import { nodePorts, writeNodeFiles } from '../../dev/node-files';
import { readyVersion } from '../../dev/node-state';
import { defaultExecutable } from '../../dev/private-broker';
import type { Endings } from '../endings';
import { ROOT } from '../paths';
import type { Broker } from './broker';
import { freeNodePort } from './ports';

const NODES = 3;
const READY_DEADLINE_MS = 120_000;

/** Starts the cluster with its data in this folder; resolves with its first node once all have joined. */
export async function startCluster(folder: string, endings: Endings): Promise<Broker> {
  const ports: number[] = [];
  while (ports.length < NODES) ports.push(await freeNodePort(ports));
  const [first = 0] = ports;
  const { epmd } = nodePorts(first);
  const members = ports.map(
    (port, i) => `cluster_formation.classic_config.nodes.${i + 1} = delay-broker-${port}@localhost`,
  );
  const config = ['cluster_formation.peer_discovery_backend = classic_config', ...members].join('\n');
  const nodes = ports.map((port) => {
    const dataDir = join(folder, `cluster-${port}`);
    mkdirSync(dataDir, { recursive: true });
    // writeNodeFiles keeps the one that is there.
    writeFileSync(join(dataDir, '.erlang.cookie'), `delay-broker-bench-${first}`, { mode: 0o400 });
    const files = writeNodeFiles(dataDir, nodePorts(port), join(ROOT, 'rabbitmq.conf'), config);
    const env = { ...files.env, ERL_EPMD_PORT: String(epmd) };
    const executable = process.env.RABBITMQ_SERVER || defaultExecutable();
    return launchNode(executable, dataDir, { ...nodePorts(port), epmd }, { ...files, env });
  });
  const end = endings.add(() => Promise.all(nodes.map((node) => node.end(0))));
  const amqpUrl = `amqp://guest:guest@127.0.0.1:${first}`;
  const managementUrl = `http://127.0.0.1:${nodePorts(first).management}`;
  for (const giveUpAt = Date.now() + READY_DEADLINE_MS; Date.now() < giveUpAt; await sleep(500)) {
    const failure = nodes.map((node) => node.failure()).find((why) => why !== undefined);
    if (failure !== undefined) throw new Error(`A node of the cluster ${failure}; its log is in ${folder}.`);
    if (!nodes.every((node) => node.findVm())) continue;
    const version = await readyVersion(amqpUrl, managementUrl);
    if (version !== undefined && (await membersOf(managementUrl)) === NODES)
      return { version, amqpUrl, managementUrl, pids: nodes.map((node) => node.pid()), end };
  }
  throw new Error(
    `The cluster was not ready within ${READY_DEADLINE_MS / 1000} s; its logs are in ${folder}.`,
  );
}

async function membersOf(managementUrl: string): Promise<number> {
  const nodes = (await managementRequest(managementUrl, 'GET', '/api/nodes')) as { running: boolean }[];
  return nodes.filter(({ running }) => running).length;
}
