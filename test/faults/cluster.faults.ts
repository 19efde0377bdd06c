/** Of a cluster of three nodes some end, or hear nothing of the others. */
import { setTimeout as sleep } from 'node:timers/promises';
import { managementRequest } from '../../dev/management';
import type { ClusterNode } from '../../dev/private-cluster';
import { delayTopology, HOLDING_PREFIX } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { controlNode } from '../broker/node';
import { post } from '../broker/service';
import type { ThreeNodes } from './brokers';
import { clusterScene, FORM } from './scene';
import { LONGEST_DELAY_MS, type Stage, untilReady } from './stage';

type ClusterStage = Stage<ThreeNodes>;

/** Between two faults, in milliseconds. */
const PAUSE_MS = 5_000;
/** How long nodes are gone, in milliseconds. */
const GONE_MS = 10_000;
/** Longer than it takes to notice that a node is silent, in milliseconds: a quarter more than net_ticktime. */
const SILENT_MS = 15_000;
/** What the management API of a cluster under load may take to answer, in milliseconds. */
const ASKED_MS = 60_000;
/** No request takes longer, in milliseconds: a little more than CONFIRM_TIMEOUT_MS. */
const ANSWERED_MS = 3_000;
/** Numbers from here on are never promised; those that are this and tens more are done at once should they be handled. */
const UNPROMISED = 1_000_000_000;

async function broken(stage: ClusterStage, name: string, act: () => Promise<unknown>): Promise<void> {
  await sleep(PAUSE_MS);
  await stage.fault(name, act);
  const healedAt = performance.now();
  await stage.cluster.untilWhole();
  await untilReady(stage);
  stage.notes.push(`${name}: ready again after ${Math.round((performance.now() - healedAt) / 1_000)} s`);
}

async function goneForAWhile(nodes: readonly ClusterNode[], meanwhile = () => sleep(GONE_MS)): Promise<void> {
  await Promise.all(nodes.map((node) => node.kill()));
  await meanwhile();
  // Together: a node that has no majority does not get ready.
  await Promise.all(nodes.map((node) => node.start()));
}

/** Those in which the load's messages wait longest. */
const HOLDING = delayTopology()
  .queues.filter(({ name }) => name.startsWith(HOLDING_PREFIX))
  .filter(
    ({ arguments: { 'x-message-ttl': ttlMs } }) =>
      1_000 <= Number(ttlMs) && Number(ttlMs) <= LONGEST_DELAY_MS,
  )
  .map(({ name }) => name);

/** Where the holding queue is led that holds most. One is asked for after the other: a list of all takes RabbitMQ 3.10 longer than ten seconds. */
async function leaderOfBusiest({ nodes }: ClusterStage['cluster']): Promise<ClusterNode> {
  const url = nodes[0]?.managementUrl ?? '';
  return eventually(async () => {
    const holding: { readonly leader?: string; readonly messages?: number }[] = [];
    for (const name of HOLDING)
      holding.push(
        (await managementRequest(url, 'GET', `/api/queues/%2F/${name}?columns=leader,messages`)) as object,
      );
    const [busiest] = holding.sort((a, b) => (b.messages ?? 0) - (a.messages ?? 0));
    const leader = nodes.find(({ name }) => name === busiest?.leader);
    if (!busiest?.messages || !leader)
      throw new Error(`No leader of a holding queue is known: ${JSON.stringify(busiest)}`);
    return leader;
  }, ASKED_MS);
}

/** No API accepts anything, and says so. */
async function nothingIsAccepted({ apis, journal }: ClusterStage): Promise<void> {
  const urls = await Promise.all(apis.map((api) => api.url()));
  for (const url of urls)
    await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(503));
  // A batch whose last message gets no confirm is answered only now, and says that its first ones were accepted before.
  await sleep(ANSWERED_MS);
  const accepted = journal.accepted.length;
  let next = UNPROMISED;
  for (const until = Date.now() + GONE_MS; Date.now() < until; await sleep(1_000)) {
    for (const url of urls) {
      const answer = await post(`${url}/v1/messages`, {
        to: 'orders',
        payload: { order_id: `message-${next}` },
        delay: '1s',
      });
      expect(answer.status).toBe(503);
      next += 10;
    }
  }
  expect(journal.accepted.length).toBe(accepted);
}

async function apart(stage: ClusterStage, name: string, part: (node: ClusterNode) => void): Promise<void> {
  const node = await leaderOfBusiest(stage.cluster);
  await broken(stage, name, async () => {
    part(node);
    await sleep(SILENT_MS);
    stage.cluster.heal();
  });
}

clusterScene('cluster: nodes', async (stage) => {
  const { cluster } = stage;
  const [first, second, third] = cluster.nodes as [ClusterNode, ClusterNode, ClusterNode];
  for (let round = 0; round < FORM.rounds; round++) {
    await sleep(PAUSE_MS);
    const leader = await leaderOfBusiest(cluster);
    await broken(stage, 'the leader of the busiest holding queue killed', () => goneForAWhile([leader]));
    await broken(stage, 'a node killed', () => goneForAWhile([second]));
    await broken(stage, 'two nodes killed', () =>
      goneForAWhile([first, third], () => nothingIsAccepted(stage)),
    );
    await broken(stage, 'all nodes restarted, one after the other', async () => {
      for (const node of cluster.nodes) {
        await node.stop();
        await node.start();
        await cluster.untilWhole();
      }
    });
    await broken(stage, "a node's disk alarm", async () => {
      await controlNode(second, 'set_disk_free_limit', '900000GB');
      await sleep(GONE_MS);
      await controlNode(second, 'set_disk_free_limit', '50MB');
    });
  }
  await sleep(PAUSE_MS);
});

clusterScene('cluster: partitions', async (stage) => {
  const { cluster } = stage;
  for (let round = 0; round < FORM.rounds; round++) {
    await apart(stage, 'a node cut off from the others', cluster.cutOff);
    await apart(stage, 'a node and the others hear nothing of each other', cluster.isolate);
  }
  await sleep(PAUSE_MS);
});
