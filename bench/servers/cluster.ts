/** Three RabbitMQ nodes as one cluster on this machine. */
import { join } from 'node:path';
import { startPrivateCluster } from '../../dev/private-cluster';
import type { Endings } from '../endings';
import { ROOT } from '../paths';
import type { Broker } from './broker';
import { freeNodePort } from './ports';

const NODES = 3;

/** Starts the cluster with its data in this folder; resolves with its first node once all have joined. */
export async function startCluster(folder: string, endings: Endings): Promise<Broker> {
  const ports: number[] = [];
  while (ports.length < NODES) ports.push(await freeNodePort(ports));
  const starting = startPrivateCluster({
    ...{ folder, ports },
    executable: process.env.RABBITMQ_SERVER || undefined,
    configFile: join(ROOT, 'rabbitmq.conf'),
  });
  // As with a single node: one that is still starting can be ended once it has started.
  const end = endings.add(() => starting.then((cluster) => cluster.end()).catch(() => undefined));
  const { version, nodes } = await starting;
  const [first] = nodes;
  const { amqpUrl = '', managementUrl = '' } = first ?? {};
  return { version, amqpUrl, managementUrl, pids: nodes.map((node) => node.pid()), end };
}
