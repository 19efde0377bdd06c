/** RabbitMQ for a benchmark: private nodes, and in them one virtual host with the product's topology for each turn. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { managementRequest } from '../../dev/management';
import { startPrivateBroker } from '../../dev/private-broker';
import { openConnection } from '../../src/amqp/connection';
import { bootstrap } from '../../src/bootstrap';
import { delayTopology } from '../../src/topology';
import type { Endings } from '../endings';
import { ROOT } from '../paths';
import { SILENT } from '../silent';
import { freeNodePort } from './ports';

/** A running node, or one of a cluster's. */
export interface Broker {
  readonly version: string;
  /** Without a virtual host, no final slash. */
  readonly amqpUrl: string;
  readonly managementUrl: string;
  /** Process id of the Erlang VM; of each one, where it is a cluster. */
  readonly pids: readonly number[];
  /** Ends it, as it ends anyway with everything else. */
  end(): Promise<void>;
}

/** A virtual host with the topology. */
export interface VirtualHost {
  readonly name: string;
  readonly amqpUrl: string;
  /** Deletes it with everything in it. */
  remove(): Promise<void>;
}

/** Starts one node with its data in this folder. */
export async function startBroker(dataDir: string, endings: Endings): Promise<Broker> {
  const port = await freeNodePort();
  const starting = startPrivateBroker({
    ...{ dataDir, port },
    executable: process.env.RABBITMQ_SERVER || undefined,
    configFile: join(ROOT, 'rabbitmq.conf'),
  });
  // One that is still starting can be ended once it has started. Its data goes, so there is nothing to be gained by
  // stopping in order; and what failed to start has ended.
  const end = endings.add(() => starting.then(({ kill }) => kill()).catch(() => undefined));
  const { version, amqpUrl, managementUrl, pid } = await starting;
  return { version, amqpUrl, managementUrl, pids: [pid], end };
}

/** A new virtual host, with everything on it that the product needs. */
export async function createWorld(broker: Broker): Promise<VirtualHost> {
  const host = await createEmptyWorld(broker);
  const connection = await openConnection({
    ...{ url: host.amqpUrl, name: 'bench topology', connectWaitMs: 10_000, logger: SILENT },
  });
  await bootstrap(connection, delayTopology());
  await connection.close();
  return host;
}

/** A new virtual host with nothing in it. One that nobody removes goes with the broker. */
export async function createEmptyWorld({ amqpUrl, managementUrl }: Broker): Promise<VirtualHost> {
  const name = `bench-${randomUUID()}`;
  await managementRequest(managementUrl, 'PUT', `/api/vhosts/${name}`, {});
  const everything = { configure: '.*', write: '.*', read: '.*' };
  await managementRequest(managementUrl, 'PUT', `/api/permissions/${name}/guest`, everything);
  return { name, amqpUrl: `${amqpUrl}/${name}`, remove: () => removeHost(managementUrl, name) };
}

const REMOVE_TRIES = 12;

/** RabbitMQ takes its time to delete some 190 queues, and may take longer than the request; asked again, it says that it is gone. */
async function removeHost(managementUrl: string, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await managementRequest(managementUrl, 'DELETE', `/api/vhosts/${name}`);
      return;
    } catch (error) {
      if (String(error).includes(': 404 ')) return;
      if (tries >= REMOVE_TRIES) throw error;
    }
  }
}
