/** Somebody publishes rubbish into every queue of ours. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { TARGET_NAMES } from '../../src/targets';
import { delayTopology, HOLDING_PREFIX, parkedQueue, targetQueue } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { LARGE, POISONS, type Poison } from './poison';
import { scene } from './scene';
import { type Stage, untilReady } from './stage';

/** What is in these comes out within the scene. */
const SOON = /^delay\.hold\.(\d00ms|[1-5]s)$/;
const LOOK_MS = 10_000;

/** Publishes everything to each of these queues, as far as RabbitMQ takes it. */
async function poison({ fault, node }: Stage, queues: readonly string[], poisons: readonly Poison[]) {
  await fault('poison', async () => {
    for (const queue of queues) {
      const taken = await publishEach(node().amqpUrl, queue, poisons);
      expect({ queue, taken: taken.length > 0 }).toEqual({ queue, taken: true });
    }
  });
}

/** The names of those that got there: of some RabbitMQ ends the connection, and the queue never sees them. */
async function publishEach(url: string, queue: string, poisons: readonly Poison[]): Promise<string[]> {
  const taken: string[] = [];
  let connection: ChannelModel | undefined;
  let channel: ConfirmChannel | undefined;
  for (const { name, content, options } of poisons) {
    if (!channel) {
      connection = (await connect(url)).on('error', () => {});
      channel = (await connection.createConfirmChannel()).on('error', () => {});
    }
    try {
      channel.sendToQueue(queue, content, options);
      await channel.waitForConfirms();
      taken.push(name);
    } catch {
      channel = undefined;
    }
  }
  await connection?.close().catch(() => {});
  return taken;
}

scene('poison', async (stage) => {
  const { apis, consumers, journal } = stage;
  const all = delayTopology().queues.map(({ name }) => name);
  const targets = TARGET_NAMES.map(targetQueue);
  const holding = all.filter((name) => name.startsWith(HOLDING_PREFIX));
  const soon = holding.filter((name) => SOON.test(name));
  const others = all.filter((name) => ![...targets, ...holding].includes(name));
  await sleep(3_000);
  await poison(stage, [...targets, ...soon, ...others], POISONS);
  await poison(
    stage,
    holding.filter((name) => !soon.includes(name)),
    POISONS.slice(0, 1),
  );
  await poison(
    stage,
    [...targets, 'delay.hold.1s', parkedQueue('orders'), 'delay.control', 'delay.ledger'],
    [LARGE],
  );
  await sleep(LOOK_MS);
  await untilReady(stage);
  for (const api of apis) {
    const parked = await fetch(`${await api.url()}/v1/parked/orders`);
    expect(parked.status).toBe(200);
    expect(((await parked.json()) as { messages: number }).messages).toBeGreaterThan(POISONS.length);
  }
  await stage.fault('a consumer and an API restarted', async () => {
    await Promise.all([consumers.shift()?.end(), apis.shift()?.end()]);
    await stage.startConsumer();
    await stage.startApi();
  });
  await untilReady(stage);
  expect([...consumers, ...apis].map(({ process }) => process.exitCode)).toEqual([null, null, null, null]);

  await stage.judge();
  // Whatever could not be handled was set aside; what looks like an order with an id was handled.
  await eventually(() => {
    const aside = TARGET_NAMES.map(
      (target) => journal.strangers.filter((queue) => queue === parkedQueue(target)).length,
    );
    expect(Math.min(...aside)).toBeGreaterThan(POISONS.length);
  });
});
