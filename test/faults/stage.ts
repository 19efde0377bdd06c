/** A stage for a scene: a broker, processes of the service, a proxy between them, callees, a load, and a journal of it all. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { managementRequest } from '../../dev/management';
import { type BrokerConnection, openConnection } from '../../src/amqp/connection';
import { type Subscription, subscribe } from '../../src/amqp/subscription';
import { messageOf } from '../../src/errors';
import { TARGET_NAMES } from '../../src/targets';
import { parkedQueue, UNROUTABLE } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { type Proxy as BrokerProxy, startProxy } from '../broker/proxy';
import { type Service, startService } from '../broker/service';
import { recordedLog } from '../broker/world';
import type { OneNode, SceneBroker } from './brokers';
import { numberIn, startCallee } from './callee';
import { aheadWhenStamped } from './clocks';
import { createJournal, type Journal, trulyDueAt } from './journal';
import { type Judgement, judge, unfinished } from './judge';
import { type Destinations, startLoad } from './load';

/** Options of setStage. */
export interface StageOptions {
  /** Messages a second; 0 for a scene that sends by itself. */
  readonly rate: number;
  readonly apis: number;
  readonly consumers: number;
  /** In milliseconds; default LONGEST_DELAY_MS. */
  readonly longestDelayMs?: number;
  /** How many files and connections a process may have open; default what the system says. */
  readonly fileHandles?: number;
  /** Further environment of every process. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * What the heap of an API and of a consumer may take, in MB; default what Node.js allows. With much memory it collects late, and a process goes on
   * growing without a leak.
   */
  readonly heapMb?: { readonly api: number; readonly consumer: number };
  /** How long what is due may take to come to its end, in milliseconds; default 90,000. */
  readonly patienceMs?: number;
}

/** What a scene works with, and what it may break of its broker; default one node. */
export type Stage<Own = OneNode> = CommonStage & Own;

/** What a scene works with, whatever its broker is. */
export interface CommonStage {
  readonly version: string;
  readonly journal: Journal;
  /** All processes reach the broker by way of it, the nodes of a cluster in turn. */
  readonly proxy: BrokerProxy;
  readonly apis: Service[];
  readonly consumers: Service[];
  /** To the broker, past that proxy. */
  readonly connection: BrokerConnection;
  readonly destinations: Destinations;
  /** Said beneath the scene's row of the table. */
  readonly notes: string[];
  /** What a scene finds wrong beside what the judge does; it fails with these once its row is written. */
  readonly findings: string[];
  /** Runs the bootstrap; resolves with its exit code. */
  declareTopology(env?: NodeJS.ProcessEnv): Promise<number | null>;
  /** Starts a program that ends by itself. */
  start(...args: string[]): Service;
  /** Runs it; resolves with its exit code and what it has written to standard error. */
  run(...args: string[]): Promise<{ code: number | null; stderr: string }>;
  startApi(env?: NodeJS.ProcessEnv): Promise<void>;
  startConsumer(env?: NodeJS.ProcessEnv): Promise<void>;
  /** Breaks something, and notes from when until when it was broken. */
  fault(name: string, act: () => Promise<unknown>): Promise<void>;
  /** Ends the load, waits until everything has come to its end, and judges. */
  judge(): Promise<Judgement>;
  /** Ends everything but the broker. */
  strike(): Promise<void>;
}

/** Delays of the load's messages are up to this long, in milliseconds. */
export const LONGEST_DELAY_MS = 20_000;

const RELAY_QUEUE = 'faults.relay';
const PATIENCE_MS = 90_000;
/** Between two looks whether everything has come to its end, at least, in milliseconds. */
const LOOK_MS = 500;
/** And at least so many times as long as the look took. */
const PAUSE_PER_LOOK = 20;
/** RabbitMQ 3.10 can need more than a minute after a partition until its streams can be read on every node. */
const READY_DEADLINE_MS = 180_000;

/** Starts everything else on a running broker, the load last. */
export async function setStage<Own>(
  { version, amqpUrls, managementUrl, own }: SceneBroker<Own>,
  options: StageOptions,
): Promise<Stage<Own>> {
  const {
    rate,
    longestDelayMs = LONGEST_DELAY_MS,
    fileHandles,
    heapMb,
    env = {},
    patienceMs = PATIENCE_MS,
  } = options;
  const journal = createJournal();
  const logger = recordedLog();
  const proxy = await startProxy(...amqpUrls);
  const unbroken = await startProxy(...amqpUrls);
  const callee = await startCallee(journal.attempts);
  const connection = await openConnection({
    url: unbroken.amqpUrl,
    name: 'stage',
    connectWaitMs: 10_000,
    logger,
  });
  const apis: Service[] = [];
  const consumers: Service[] = [];
  const urls = new Map<Service, string>();
  const all: Service[] = [];
  const start = (args: string[], further: NodeJS.ProcessEnv = {}) => {
    const service = startService(
      args,
      {
        AMQP_URL: proxy.amqpUrl,
        ORDER_CALLBACK_URL: `${callee.url}/expired`,
        WEBHOOK_ALLOW: '127.0.0.1',
        RETRY_BASE_MS: '500',
        LOG_SAMPLE: '0',
        LOG_LEVEL: 'warn',
        ...env,
        ...further,
      },
      fileHandles,
    );
    all.push(service);
    return service;
  };
  const run = async (...args: string[]) => {
    const service = start(args);
    return { code: await service.exited, stderr: service.stderr() };
  };
  const notes: string[] = [];
  const declareTopology = (further?: NodeJS.ProcessEnv) => start(['topology.js'], further).exited;
  if ((await declareTopology()) !== 0) throw new Error('the topology was not declared');
  const relayed = await observeRelay(connection, journal, logger);

  const destinations = { calleeUrl: callee.url, relayQueue: RELAY_QUEUE };
  const stage = {
    ...{ run, declareTopology },
    start: (...args: string[]) => start(args),
    async startApi(further: NodeJS.ProcessEnv = {}) {
      const api = start(['main.js', 'api'], { LOG_LEVEL: 'info', ...withHeap(heapMb?.api), ...further });
      urls.set(api, await api.url());
      apis.push(api);
    },
    async startConsumer(further: NodeJS.ProcessEnv = {}) {
      const consumer = start(['main.js', 'consumers'], {
        LOG_LEVEL: 'info',
        ...withHeap(heapMb?.consumer),
        ...further,
      });
      await consumer.logged('consuming', { to: TARGET_NAMES.at(-1) });
      consumers.push(consumer);
    },
  };
  for (let i = 0; i < options.apis; i++) await stage.startApi();
  for (let i = 0; i < options.consumers; i++) await stage.startConsumer();
  const load =
    rate > 0
      ? startLoad({
          ...{ journal, destinations, rate, longestDelayMs },
          apis: () => apis.flatMap((api) => urls.get(api) ?? []),
        })
      : undefined;

  return {
    ...own,
    ...{ version, journal, proxy, apis, consumers, connection, destinations },
    ...{ notes, findings: [] },
    ...stage,
    async fault(name, act) {
      const from = Date.now();
      await act();
      journal.faults.push({ name, from, to: Date.now() });
    },
    async judge() {
      await load?.stop();
      const lastDueAt = journal.accepted.reduce(
        (latest, message) => Math.max(latest, trulyDueAt(message)),
        0,
      );
      await sleep(Math.max(0, lastDueAt - Date.now()));
      for (const giveUpAt = Date.now() + patienceMs; Date.now() < giveUpAt; ) {
        await collectParked(connection, journal).catch(() => {}); // not back yet
        const lookedAt = performance.now();
        if (unfinished(journal).length === 0) return judge(journal);
        // Whoever is called shares this process: a look at a million messages takes most of a second.
        await sleep(Math.max(LOOK_MS, PAUSE_PER_LOOK * (performance.now() - lookedAt)));
      }
      notes.push(`left in queues: ${await contents(managementUrl()).catch(messageOf)}`);
      return judge(journal);
    },
    async strike() {
      await load?.stop();
      proxy.heal();
      await Promise.all(all.map((service) => service.end('SIGKILL')));
      if (process.env.FAULTS_LOGS) writeLogs(process.env.FAULTS_LOGS, all);
      await relayed.close();
      await connection.close().catch(() => {});
      await Promise.all([proxy, unbroken, callee].map((each) => each.close()));
    },
  };
}

/** Notes what arrives at the queue that messages are relayed to; what the broker sends once more after a break is not a copy. */
export async function observeRelay(
  connection: BrokerConnection,
  journal: Journal,
  logger: ReturnType<typeof recordedLog>,
): Promise<Subscription> {
  const channel = await connection.model.createChannel();
  await channel.assertQueue(RELAY_QUEUE, {
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 },
  });
  await channel.close();
  const seen = new Set<number>();
  return subscribe({
    ...{
      connection,
      logger,
      queue: RELAY_QUEUE,
      consumerTag: 'relayed',
      prefetch: 500,
      mostReturns: 1_000_000,
    },
    onLost: () => {},
    onDelivery: async (delivery) => {
      const n = numberIn(String(delivery.content));
      const at = Date.now();
      // In whole seconds: enough to know how far the handler's clock is ahead.
      const handlersClock = at + aheadWhenStamped(Number(delivery.properties.timestamp) * 1_000, at);
      if (delivery.returns === 0 || !seen.has(n)) journal.attempts.push({ n, at, handlersClock, done: true });
      seen.add(n);
      delivery.ack();
    },
  });
}

/** Which queues hold something, and whether RabbitMQ believes it to be in somebody's hands. */
async function contents(managementUrl: string): Promise<string> {
  const columns = 'name,type,messages_ready,messages_unacknowledged,consumers';
  const queues = (await managementRequest(managementUrl, 'GET', `/api/queues/%2F?columns=${columns}`)) as {
    readonly name: string;
    readonly type?: string;
    readonly messages_ready?: number;
    readonly messages_unacknowledged?: number;
    readonly consumers?: number;
  }[];
  return queues
    .filter(({ type }) => type !== 'stream')
    .flatMap(({ name, messages_ready: ready = 0, messages_unacknowledged: inHand = 0, consumers = 0 }) =>
      ready + inHand > 0 ? `${name} (${ready} ready, ${inHand} in hand, ${consumers} consumers)` : [],
    )
    .join(', ');
}

/** A file for each process. */
function writeLogs(folder: string, services: readonly Service[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { process: child, log, stderr } of services) {
    const [, program = '', role = ''] = child.spawnargs;
    const file = join(folder, `${child.pid}-${basename(program, '.js')}-${role}.log`);
    writeFileSync(file, [...log.map((line) => JSON.stringify(line)), stderr()].join('\n'));
  }
}

async function collectParked(connection: BrokerConnection, { parked, strangers }: Journal): Promise<void> {
  const channel = await connection.model.createChannel();
  try {
    for (const queue of [...TARGET_NAMES.map(parkedQueue), UNROUTABLE]) {
      for (let found = await channel.get(queue); found; found = await channel.get(queue)) {
        const n = numberIn(String(found.content.subarray(0, 1_000)));
        if (Number.isNaN(n)) strangers.push(queue);
        else parked.add(n);
        channel.ack(found);
      }
    }
  } finally {
    await channel.close().catch(() => {});
  }
}

function withHeap(mb?: number): NodeJS.ProcessEnv {
  return mb === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${Math.ceil(mb)}` };
}

/** Until every API says that it can do its work. */
export async function untilReady(stage: Pick<CommonStage, 'apis'>): Promise<void> {
  for (const api of stage.apis) {
    const url = await api.url();
    await eventually(async () => {
      const answer = await fetch(`${url}/readyz`);
      // With the reasons, should it not be ready.
      expect(`${answer.status} ${await answer.text()}`).toMatch(/^200 /);
    }, READY_DEADLINE_MS);
  }
}
