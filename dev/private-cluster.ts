import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { managementRequest } from './management';
import { nodeName, nodePorts } from './node-files';
import { type PrivateBroker, startPrivateBroker } from './private-broker';

/** Up to RabbitMQ 3.x a node that comes back agrees with the others on each of its bindings, one by one. */
const READY_DEADLINE_MS = 300_000;
const JOINED_DEADLINE_MS = 60_000;
const JOINED_CHECK_MS = 500;

/** What `startPrivateCluster` takes. */
export interface PrivateClusterOptions {
  /** Folder for the data of all nodes, one folder for each; created when missing. */
  folder: string;
  /** The nodes' AMQP ports. The others follow from them, see `NodePorts`. */
  ports: readonly number[];
  /** The `rabbitmq-server` to run; default: Debian's own if present, else the one in PATH. */
  executable?: string | undefined;
  /** A rabbitmq.conf to start from. */
  configFile: string;
  /** Further rabbitmq.conf lines; default none. */
  additionalConfig?: string | undefined;
  /** Port of the epmd that the node on an AMQP port asks for the others; default one that all share. */
  epmdPort?: ((port: number) => number) | undefined;
}

/** A node of a cluster, running or not. */
export interface ClusterNode {
  /** By which the management API knows it. */
  readonly name: string;
  /** AMQP port. */
  readonly port: number;
  /** Folder of its data. */
  readonly dataDir: string;
  /** `amqp://` address with credentials. */
  readonly amqpUrl: string;
  /** `http://` address of its management API, no final slash. */
  readonly managementUrl: string;
  /** Process id of the Erlang VM that was started last; 0 when none was. */
  pid(): number;
  /** Starts it with the data that it has; resolves with RabbitMQ's version, such as `3.10.8`. */
  start(): Promise<string>;
  /** Stops it in order. The data stays. Does nothing when it does not run. */
  stop(): Promise<void>;
  /** Kills it as a crash would. The data stays as it is. Does nothing when it does not run. */
  kill(): Promise<void>;
}

/** A running cluster. */
export interface PrivateCluster {
  /** RabbitMQ's version, such as `3.10.8`. */
  readonly version: string;
  readonly nodes: readonly ClusterNode[];
  /** Kills all nodes. */
  end(): Promise<void>;
}

/**
 * Starts RabbitMQ nodes of our own that are one cluster on this machine, and resolves once all have joined. They share the
 * machine's cores and disk, too: what several machines can do, they do not show.
 *
 * Throws when a node does not start, and when they have not all joined a minute later; nothing is left running then.
 */
export async function startPrivateCluster(options: PrivateClusterOptions): Promise<PrivateCluster> {
  const nodes = options.ports.map((port) => createNode(port, options));
  const end = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
  };
  const starts = nodes.map((node) => node.start());
  try {
    const [version = ''] = await Promise.all(starts);
    await untilJoined(nodes);
    return { version, nodes, end };
  } catch (error) {
    // One that is still starting can be ended once it has started.
    await Promise.allSettled(starts);
    await end();
    throw error;
  }
}

function createNode(port: number, options: PrivateClusterOptions): ClusterNode {
  const { folder, ports, executable, configFile, additionalConfig = '', epmdPort } = options;
  const [first = port] = ports;
  const dataDir = join(folder, `node-${port}`);
  mkdirSync(dataDir, { recursive: true });
  // A node keeps the one that is there.
  writeFileSync(join(dataDir, '.erlang.cookie'), `delay-broker-cluster-${first}`, { mode: 0o400 });
  const members = ports.map(
    (member, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${nodeName(member)}`,
  );
  const config = ['cluster_formation.peer_discovery_backend = classic_config', ...members, additionalConfig];
  let broker: PrivateBroker | undefined;
  return {
    name: nodeName(port),
    ...{ port, dataDir },
    amqpUrl: `amqp://guest:guest@127.0.0.1:${port}`,
    managementUrl: `http://127.0.0.1:${nodePorts(port).management}`,
    pid: () => broker?.pid ?? 0,
    async start() {
      broker = await startPrivateBroker({
        ...{ dataDir, port, executable, configFile },
        additionalConfig: config.join('\n'),
        readyDeadlineMs: READY_DEADLINE_MS,
        sharedEpmdPort: epmdPort?.(port) ?? nodePorts(first).epmd,
      });
      return broker.version;
    },
    stop: async () => broker?.stop(),
    kill: async () => broker?.kill(),
  };
}

async function untilJoined(nodes: readonly ClusterNode[]): Promise<void> {
  for (
    const giveUpAt = Date.now() + JOINED_DEADLINE_MS;
    Date.now() < giveUpAt;
    await sleep(JOINED_CHECK_MS)
  ) {
    if ((await membersOf(nodes[0]?.managementUrl ?? '')) === nodes.length) return;
  }
  throw new Error(
    `The nodes did not become one cluster within ${JOINED_DEADLINE_MS / 1000} s; their logs are in ${nodes.map(({ dataDir }) => dataDir).join(', ')}.`,
  );
}

async function membersOf(managementUrl: string): Promise<number> {
  const nodes = (await managementRequest(managementUrl, 'GET', '/api/nodes')) as { running: boolean }[];
  return nodes.filter(({ running }) => running).length;
}
