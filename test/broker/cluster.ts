/**
 * A cluster of three RabbitMQ nodes for a test that takes nodes away or parts them. Between each two stands a proxy: the
 * epmd that a node asks for the others names its proxies.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { managementRequest } from '../../dev/management';
import { nodeName, nodePorts } from '../../dev/node-files';
import { type ClusterNode, type PrivateCluster, startPrivateCluster } from '../../dev/private-cluster';
import { startEpmd } from './epmd';
import { eventually } from './eventually';
import { freePort } from './node';
import { type Proxy as NodeProxy, startProxy } from './proxy';

/** A running cluster of three. */
export interface TestCluster extends PrivateCluster {
  /** From now on this node and the others hear nothing of each other, without being told. */
  isolate(node: ClusterNode): void;
  /** The same, and connections between them end. */
  cutOff(node: ClusterNode): void;
  /** All hear each other again. */
  heal(): void;
  /** Waits until all nodes run and none is needed for a majority of some queue: the next may fail. */
  untilWhole(): Promise<void>;
}

/** The way from one node to another. */
interface Way {
  readonly from: number;
  readonly to: number;
  readonly proxy: NodeProxy;
}

const NODES = 3;
/** Longer than starts and elections take on a machine that is busy, in milliseconds. */
const WHOLE_DEADLINE_MS = 300_000;

/**
 * Starts one on free ports, its data in a folder of its own under /tmp; RABBITMQ_SERVER chooses the executable.
 *
 * @param additionalConfig further lines of rabbitmq.conf
 */
export async function startTestCluster(additionalConfig?: string): Promise<TestCluster> {
  const ports: number[] = [];
  while (ports.length < NODES) ports.push(await freePort(ports));
  const ways = await layWays(ports);
  const mappers = await Promise.all(ports.map((port) => mapperOf(port, ways)));
  const folder = mkdtempSync('/tmp/delay-broker-test-');
  const closeWays = () =>
    Promise.all([...mappers, ...ways.map(({ proxy }) => proxy)].map((each) => each.close()));
  const cluster = await startPrivateCluster({
    ...{ folder, ports, additionalConfig },
    executable: process.env.RABBITMQ_SERVER || undefined,
    configFile: join(__dirname, '../../rabbitmq.conf'),
    epmdPort: (port) => nodePorts(port).epmd,
  }).catch(async (error) => {
    await closeWays();
    throw error;
  });
  const proxiesOf = ({ port }: ClusterNode) =>
    ways.filter(({ from, to }) => from === port || to === port).map(({ proxy }) => proxy);
  const isolate = (node: ClusterNode) => {
    for (const proxy of proxiesOf(node)) proxy.stall();
  };
  return {
    ...cluster,
    isolate,
    cutOff(node) {
      isolate(node);
      for (const proxy of proxiesOf(node)) proxy.cut();
    },
    heal() {
      for (const { proxy } of ways) proxy.heal();
    },
    async untilWhole() {
      for (const { managementUrl } of cluster.nodes)
        await eventually(
          () => managementRequest(managementUrl, 'GET', '/api/health/checks/node-is-quorum-critical'),
          WHOLE_DEADLINE_MS,
        );
    },
    async end() {
      await cluster.end();
      await closeWays();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function layWays(ports: readonly number[]): Promise<Way[]> {
  const pairs = ports.flatMap((from) => ports.filter((to) => to !== from).map((to) => ({ from, to })));
  return Promise.all(
    pairs.map(async ({ from, to }) => {
      const proxy = await startProxy(`amqp://127.0.0.1:${nodePorts(to).distribution}`);
      return { from, to, proxy };
    }),
  );
}

function mapperOf(port: number, ways: readonly Way[]) {
  const own = ways.filter(({ from }) => from === port);
  const portByName = own.map(({ to, proxy }) => [shortName(to), proxy.port] as const);
  return startEpmd(nodePorts(port).epmd, new Map(portByName));
}

/** A node's name as epmd knows it. */
function shortName(port: number): string {
  return nodeName(port).split('@')[0] ?? '';
}
