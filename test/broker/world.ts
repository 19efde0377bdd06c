/** A vhost for one test file: its topology, connections and whatever the file starts in it. */
import { randomUUID } from 'node:crypto';
import type { GetMessage } from 'amqplib';
import { createVhost, deleteVhost, managementRequest } from '../../dev/management';
import { type BrokerConnection, openConnection } from '../../src/amqp/connection';
import type { Topology } from '../../src/amqp/declare';
import { openPublisher, type Publisher } from '../../src/amqp/publisher';
import { bootstrap } from '../../src/bootstrap';
import { systemClock as clock } from '../../src/clock';
import type { Outcome } from '../../src/consumers/outcome';
import { runTarget, type TargetOptions, type TargetRunner } from '../../src/consumers/runtime';
import { followControl } from '../../src/control/control';
import { createRecorder, type Recorder } from '../../src/ledger/recorder';
import type { Logger } from '../../src/logger';
import type { Message } from '../../src/message';
import { createMetrics } from '../../src/metrics';
import { createScheduler, type Scheduler } from '../../src/scheduler';
import { CONSUMED } from '../../src/targets';
import { delayTopology, type TopologyOptions } from '../../src/topology';
import { WHEEL, type Wheel } from '../../src/wheel';
import { eventually } from './eventually';

/** A log that remembers its lines. */
export interface RecordedLog extends Logger {
  readonly lines: { level: string; event: string; [field: string]: unknown }[];
}

export function recordedLog(): RecordedLog {
  const lines: RecordedLog['lines'] = [];
  const at = (level: string) => (event: string, fields: object) => lines.push({ level, event, ...fields });
  return {
    lines,
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
  } as unknown as RecordedLog;
}

/** One handling: which message, when it was due and when its handler began. */
export interface Handling {
  readonly message: Message;
  readonly at: number;
}

export interface World {
  readonly vhost: string;
  readonly amqpUrl: string;
  /** What is on the broker. */
  readonly topology: Topology;
  readonly log: RecordedLog;
  readonly publisher: Publisher;
  readonly scheduler: Scheduler;
  readonly recorder: Recorder;
  connect(name?: string): Promise<BrokerConnection>;
  /** Consumes a target with this handler; ended by close(). */
  consume(
    target: string,
    handler: (message: Message) => Promise<Outcome>,
    options?: Partial<TargetOptions>,
  ): Promise<TargetRunner>;
  /** The management API's answer for something of this vhost, such as `queues` or `queues/NAME`. */
  look<T>(kind: string, name?: string): Promise<T>;
  /** All messages of a queue, taken out of it, once there are as many as expected. */
  drainQueue(queue: string, count: number): Promise<GetMessage[]>;
  close(): Promise<void>;
}

/** A world on the node of this run, or on another one. */
export async function createWorld({
  wheel = WHEEL,
  targets = CONSUMED,
  topology = {},
  amqpUrl = process.env.TEST_AMQP_URL ?? '',
  managementUrl = process.env.TEST_MANAGEMENT_URL ?? '',
}: {
  wheel?: Wheel;
  targets?: readonly string[];
  topology?: TopologyOptions;
  amqpUrl?: string;
  managementUrl?: string;
} = {}): Promise<World> {
  const vhost = `test-${randomUUID()}`;
  await createVhost(managementUrl, vhost);
  const url = `${amqpUrl.replace(/\/$/, '')}/${vhost}`;
  const log = recordedLog();
  const endings: (() => Promise<unknown>)[] = [];
  const connect = async (name = 'test') => {
    const connection = await openConnection({ url, name, connectWaitMs: 10_000, logger: log });
    endings.unshift(() => connection.close());
    return connection;
  };
  const connection = await connect();
  const declared = delayTopology({ wheel, targets, ...topology });
  await bootstrap(connection, declared);
  const publisher = await openPublisher({ connection, confirmTimeoutMs: 10_000, logger: log });
  endings.unshift(() => publisher.close());
  const scheduler = createScheduler({ publisher, clock, wheel });
  const recorder = createRecorder({ publisher, logger: log });

  return {
    vhost,
    amqpUrl: url,
    topology: declared,
    log,
    publisher,
    scheduler,
    recorder,
    connect,
    async consume(target, handler, options = {}) {
      const reading = options.connection ?? (await connect(`consume ${target}`));
      const consumerTag = `${target}@test-${randomUUID()}`;
      const control = await followControl({
        connection: reading,
        publisher,
        scheduler,
        clock,
        consumerTag: `control ${consumerTag}`,
        logger: log,
      });
      endings.unshift(control.close);
      const runner = await runTarget({
        target,
        handler,
        connection: reading,
        publisher,
        scheduler,
        verdicts: control.verdicts,
        recorder,
        clock,
        handlers: 50,
        prefetch: 300,
        retryPolicy: { maxAttempts: 10, baseMs: 2_000, factor: 2, capMs: 600_000 },
        consumerTag,
        metrics: createMetrics(),
        logger: log,
        ...options,
      });
      endings.unshift(() => runner.drain(5_000));
      return runner;
    },
    look: (kind, name) =>
      managementRequest(
        managementUrl,
        'GET',
        `/api/${kind}/${vhost}${name ? `/${encodeURIComponent(name)}` : ''}`,
      ) as never,
    async drainQueue(queue, count) {
      const channel = await connection.model.createChannel();
      const taken: GetMessage[] = [];
      // Fetched one by one: a consumer would be sent more than it has taken by the time it is closed.
      await eventually(async () => {
        for (
          let next = await channel.get(queue, { noAck: true });
          next;
          next = await channel.get(queue, { noAck: true })
        ) {
          taken.push(next);
        }
        expect(taken.length).toBeGreaterThanOrEqual(count);
      });
      await channel.close();
      return taken;
    },
    async close() {
      for (const end of endings) await end();
      await deleteVhost(managementUrl, vhost);
    },
  };
}
