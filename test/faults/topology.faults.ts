/** What was declared is damaged by hand while everything runs, and mended by the bootstrap. */
import { setTimeout as sleep } from 'node:timers/promises';
import { managementRequest } from '../../dev/management';
import { TICKS } from '../../src/targets';
import {
  DUE_EXCHANGE,
  delayTopology,
  KEEPER,
  LEDGER_KEEPER,
  parkedQueue,
  targetQueue,
  UNROUTABLE,
} from '../../src/topology';
import { eventually } from '../broker/eventually';
import { post, type Service } from '../broker/service';
import { scene } from './scene';
import { type Stage, untilReady } from './stage';

const PAUSE_MS = 3_000;
const BROKEN_MS = 3_000;
/** Every process looks once a minute. */
const LOOK_MS = 75_000;

async function damaged(
  stage: Stage,
  name: string,
  damage: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  await sleep(PAUSE_MS);
  await stage.fault(name, async () => {
    const channel = await stage.connection.model.createChannel();
    await damage(channel);
    await channel.close();
    await sleep(BROKEN_MS);
    expect(await stage.declareTopology()).toBe(0);
  });
  await untilReady(stage);
}
type Channel = Awaited<ReturnType<Stage['connection']['model']['createChannel']>>;

/** What no binding took is set aside, and goes on when somebody says so. */
async function redriveUnroutable({ apis: [api] }: Stage): Promise<void> {
  const url = (await api?.url()) ?? '';
  await eventually(async () => {
    const answer = await post(`${url}/v1/parked/${UNROUTABLE}/redrive`, {});
    expect(answer.status).toBe(200);
  });
}

scene('topology', async (stage) => {
  await damaged(stage, 'a binding of the wheel removed', (channel) =>
    channel.unbindQueue('delay.hold.100ms', 'delay.in', '0.0.0.0.0.0.0.1.#'),
  );
  await damaged(stage, 'the binding of a target removed', (channel) =>
    channel.unbindQueue('webhooks', DUE_EXCHANGE, '*.*.*.*.*.*.*.*.webhooks'),
  );
  await damaged(stage, 'a holding queue deleted that holds nothing', (channel) =>
    channel.deleteQueue('delay.hold.30s'),
  );
  await damaged(stage, 'the stream of verdicts deleted', (channel) => channel.deleteQueue('delay.control'));
  await damaged(stage, 'the ledger deleted', (channel) => channel.deleteQueue('delay.ledger'));
  await redriveUnroutable(stage);
});

/** Resolves once each of these processes has logged this, with this in its error. */
async function logged(services: readonly Service[], event: string, error = ''): Promise<void> {
  for (const { log } of services) {
    const found = () =>
      log.filter((line) => line.message === event && String(line.error ?? '').includes(error));
    await eventually(() => expect(found()).not.toEqual([]), LOOK_MS);
  }
}

/** What came after the first version: schedules, and whoever keeps what is in the streams. */
const LATER = {
  queues: [targetQueue(TICKS), parkedQueue(TICKS), KEEPER, LEDGER_KEEPER],
  exchanges: [KEEPER, LEDGER_KEEPER],
};

scene('the topology of an older version', async (stage) => {
  const { apis, consumers, connection } = stage;
  await sleep(PAUSE_MS);
  await stage.fault('the topology of an older version', async () => {
    const channel = await connection.model.createChannel();
    for (const queue of LATER.queues) await channel.deleteQueue(queue);
    for (const exchange of LATER.exchanges) await channel.deleteExchange(exchange);
    await channel.close();
    const started = await stage.run('main.js', 'consumers');
    expect(started.stderr).toMatch(/has no exchange "delay\.[\w-]+" and \d more\. Run "npm run topology"/);
    expect(started.code).toBe(1);
    await logged([...apis, ...consumers], 'topology damaged', 'Run "npm run topology"');
    expect(await stage.declareTopology()).toBe(0);
  });
  await untilReady(stage);
  await logged([...apis, ...consumers], 'topology whole again');
});

/** A holding queue that the load fills. */
const OTHER = 'delay.hold.7s';
const OTHER_TTL_MS = 700;

/** Takes its bindings away and waits until nothing is left in it. */
async function emptyQueue({ node }: Stage, channel: Channel): Promise<void> {
  for (const { source, pattern } of bindingsOfOther()) await channel.unbindQueue(OTHER, source, pattern);
  await eventually(async () => {
    expect(await channel.checkQueue(OTHER)).toMatchObject({ messageCount: 0 });
    // Counts what is on its way out as well, if a few seconds late.
    const queue = await managementRequest(node().managementUrl, 'GET', `/api/queues/%2F/${OTHER}`);
    expect(queue).toMatchObject({ messages: 0 });
  }, 60_000);
}

const bindingsOfOther = () => delayTopology().bindings.filter(({ destination }) => destination === OTHER);

scene('a queue with other arguments', async (stage) => {
  const { apis, consumers, connection } = stage;
  const right = delayTopology().queues.find(({ name }) => name === OTHER);
  const channel = await connection.model.createChannel();
  await sleep(PAUSE_MS);
  await stage.fault('a holding queue with another TTL', async () => {
    await emptyQueue(stage, channel);
    await channel.deleteQueue(OTHER);
    await channel.assertQueue(OTHER, { arguments: { ...right?.arguments, 'x-message-ttl': OTHER_TTL_MS } });
    for (const { source, pattern } of bindingsOfOther()) await channel.bindQueue(OTHER, source, pattern);
    const differs = `queue ${OTHER}: x-message-ttl has ${OTHER_TTL_MS}, should have 7000`;
    await stage.startConsumer();
    await logged([...apis, ...consumers], 'topology damaged', differs);
    const bootstrap = await stage.run('topology.js');
    expect(bootstrap.stderr).toContain(differs);
    expect(bootstrap.code).toBe(1);
    // As the bootstrap says.
    await emptyQueue(stage, channel);
    await channel.deleteQueue(OTHER);
    expect(await stage.declareTopology()).toBe(0);
  });
  await channel.close();
  await untilReady(stage);
  await logged([...apis, ...consumers], 'topology whole again');
  await redriveUnroutable(stage);
});
