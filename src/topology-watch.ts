/**
 * Looking now and then whether all that was declared is still there, as it was declared: somebody may delete a queue, or declare another one
 * in its place, while everything runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { withChannel } from './amqp/channel';
import type { BrokerConnection } from './amqp/connection';
import type { Topology } from './amqp/declare';
import { requireSameArguments, requireTopology } from './bootstrap';
import { messageOf, TopologyError } from './errors';
import type { Logger } from './logger';
import { UNROUTABLE } from './topology';

/** Options of watchTopology. */
export interface TopologyWatchOptions {
  readonly connection: BrokerConnection;
  readonly topology: Topology;
  /** See requireTopology. What is unroutable is counted where its queue is among them. */
  readonly used: readonly string[];
  /** Between two looks, in milliseconds; default a minute. */
  readonly everyMs?: number;
  readonly logger: Logger;
}

/** A watch over the topology. */
export interface TopologyWatch {
  /** Whether the latest look found something missing or different. */
  damaged(): boolean;
  close(): void;
}

const EVERY_MS = 60_000;

/** Looks at once and at intervals, and reports what is wrong each time, until it is closed. */
export function watchTopology(options: TopologyWatchOptions): TopologyWatch {
  const { connection, topology, used, everyMs = EVERY_MS, logger } = options;
  const closing = new AbortController();
  let damaged = false;
  let mayCompare = true;

  const look = async (): Promise<void> => {
    const damage = await damageOf(async () => {
      await requireTopology(connection, topology, used);
      if (mayCompare) mayCompare = await requireSameArguments(connection, topology);
    });
    if (damage !== undefined) logger.error('topology damaged', { error: damage });
    else if (damaged) logger.info('topology whole again');
    damaged = damage !== undefined;
    if (damaged || !used.includes(UNROUTABLE)) return;
    const messages = await unroutable(connection);
    if (messages > 0)
      logger.error('messages are unroutable', {
        messages,
        error: `A binding was missing when they came. Run "npm run topology", then redrive them: POST /v1/parked/${UNROUTABLE}/redrive.`,
      });
  };
  const watch = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      if (connection.state() !== 'down')
        await look().catch((error) => logger.debug('topology not looked at', { error: messageOf(error) }));
      await sleep(everyMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
    }
  };
  void watch();
  return { damaged: () => damaged, close: () => closing.abort() };
}

async function damageOf(look: () => Promise<void>): Promise<string | undefined> {
  try {
    await look();
    return undefined;
  } catch (error) {
    if (error instanceof TopologyError) return error.message;
    throw error;
  }
}

const unroutable = (connection: BrokerConnection): Promise<number> =>
  withChannel(
    connection,
    `The queue ${UNROUTABLE}`,
    async (channel) => (await channel.checkQueue(UNROUTABLE)).messageCount,
  );
