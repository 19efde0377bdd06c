/** What a scene is played on: one node, or a cluster of three. */
import { rmSync } from 'node:fs';
import type { PrivateBroker } from '../../dev/private-broker';
import { startTestCluster, type TestCluster } from '../broker/cluster';
import { startTestNode } from '../broker/node';

/** Started before everything else of a scene, and ended after it. */
export interface SceneBroker<Own> {
  readonly version: string;
  /** Of each of its nodes. */
  readonly amqpUrls: readonly [string, ...string[]];
  /** Of a node that runs. */
  managementUrl(): string;
  /** What the scene gets to break. */
  readonly own: Own;
  end(): Promise<void>;
}

/** One node. */
export interface OneNode {
  /** Which node rabbitmqctl is to speak to. */
  readonly nodeFiles: { readonly dataDir: string; readonly port: number };
  /** The node; another one after a restart. */
  node(): PrivateBroker;
  restartNode(): Promise<void>;
}

/**
 * Starts a node.
 *
 * @param executable see startTestNode
 */
export async function startOneNode(executable?: string): Promise<SceneBroker<OneNode>> {
  const started = await startTestNode(undefined, executable);
  let node: PrivateBroker = started;
  return {
    version: started.version,
    amqpUrls: [started.amqpUrl],
    managementUrl: () => node.managementUrl,
    own: {
      nodeFiles: started,
      node: () => node,
      async restartNode() {
        node = await started.restart();
      },
    },
    async end() {
      await node.kill();
      rmSync(started.dataDir, { recursive: true, force: true });
    },
  };
}

/** Two brokers, of which everything is to move from one to the other: the scene's own. */
export interface TwoBrokers {
  /** AMQP URL of the one to be left. */
  readonly oldUrl: string;
}

/** Starts both: the one to be left is the RabbitMQ that is installed, the other one that of RABBITMQ_SERVER where it is set. */
export async function startTwoBrokers(): Promise<SceneBroker<TwoBrokers>> {
  const old = await startOneNode('');
  const fresh = await startOneNode();
  return {
    ...fresh,
    version: `${old.version} to ${fresh.version}`,
    own: { oldUrl: old.amqpUrls[0] },
    async end() {
      await fresh.end();
      await old.end();
    },
  };
}

/** Three nodes. */
export interface ThreeNodes {
  readonly cluster: TestCluster;
}

/**
 * Starts a cluster whose nodes soon notice that another one is silent. Where RabbitMQ still keeps its queues in Mnesia, a
 * node without a majority has to pause: Mnesia would go on, and not come together again.
 */
export async function startThreeNodes(): Promise<SceneBroker<ThreeNodes>> {
  const cluster = await startTestCluster('net_ticktime = 8\ncluster_partition_handling = pause_minority');
  const [first = '', ...others] = cluster.nodes.map(({ amqpUrl }) => amqpUrl);
  return {
    version: cluster.version,
    amqpUrls: [first, ...others],
    managementUrl: () => cluster.nodes[0]?.managementUrl ?? '',
    own: { cluster },
    end: () => cluster.end(),
  };
}
