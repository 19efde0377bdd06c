/**
 * Reading a stream over AMQP 0-9-1: all of it, in order, and whatever comes later; or a single entry.
 * A stream keeps what is read, so reading changes nothing and any number of readers get everything.
 *
 * Each reading has a channel of its own: while entries come for one consumer of a stream, RabbitMQ sends them to a second one
 * on the same channel before it has answered that it consumes, and amqplib closes a channel for that.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import { BrokerUnavailableError, messageOf } from '../errors';
import type { Logger } from '../logger';
import { isAccessRefused } from './access';
import { isNotFound, keepChannelOpen, plainChannel, withChannel } from './channel';
import type { BrokerConnection } from './connection';

/** An entry of a stream. */
export interface StreamEntry {
  /** Its place, counted from the first entry that the stream ever had. */
  readonly offset: number;
  readonly content: Buffer;
  readonly properties: ConsumeMessage['properties'];
}

/** Options of readStream. */
export interface StreamReaderOptions {
  readonly connection: BrokerConnection;
  readonly stream: string;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  /** Takes each entry, in order; what it throws is logged. */
  readonly onEntry: (entry: StreamEntry) => void;
  /** Reading begins, or goes on after it was interrupted. */
  readonly onReading?: () => void;
  /** The stream is another one, deleted and declared anew: what was read of the old one counts no longer. */
  readonly onRenewed?: () => void;
  readonly logger: Logger;
}

/** A reader that reads on until it is closed. */
export interface StreamReader {
  /** Offset of the latest entry read; -1 before the first. */
  position(): number;
  /** Offset of the first entry read: above 0 where older ones had been cut off; undefined before it. */
  first(): number | undefined;
  /** Whether entries are on their way here. */
  active(): boolean;
  /**
   * Asks the broker for its latest entry; resolves with the offset. It may miss what is written at that moment.
   *
   * @throws Error when the stream is empty or cannot be read for now
   */
  latest(): Promise<number>;
  /** Drops the channel and reads on with another one. */
  restart(): void;
  close(): Promise<void>;
}

/** Entries on their way at once: enough that reading is not a matter of round trips. */
const PREFETCH = 1_000;
/** Failures to begin reading until the connection is given up, about a minute: the node may have lost its replica, and another one has one. */
const MOST_FAILURES = 12;

/**
 * Reads a stream from its first entry and follows it, over every loss of the channel or the connection.
 *
 * @throws amqplib's error when the stream is not there or may not be read
 */
export async function readStream(options: StreamReaderOptions): Promise<StreamReader> {
  const { connection, stream, consumerTag, onEntry, onReading, onRenewed, logger } = options;
  let position = -1;
  let first: number | undefined;
  let channel: StreamChannel | undefined;

  const take = (message: ConsumeMessage) => {
    const offset = offsetOf(message);
    // What is read begins with the chunk that holds the offset asked for.
    if (offset <= position) return;
    position = offset;
    first ??= offset;
    try {
      onEntry({ offset, content: message.content, properties: message.properties });
    } catch (error) {
      logger.error('entry not taken', { stream, offset, error: messageOf(error) });
    }
  };

  const kept = await keepChannelOpen({
    name: consumerTag,
    open: plainChannel(connection),
    onOpen: async (opened) => {
      await opened.checkQueue(stream);
      const reading = await streamChannel(opened);
      if (position >= 0 && (await isRenewed(connection, stream, position))) {
        position = -1;
        first = undefined;
        onRenewed?.();
      }
      const onMessage = (message: ConsumeMessage | null) => {
        if (!message) {
          // The broker cancels when the stream is gone, or the node that it was read from.
          logger.warn('cancelled by the broker', { stream, consumerTag });
          return void opened.close().catch(() => {});
        }
        reading.acknowledge(message);
        take(message);
      };
      const from = position < 0 ? 'first' : position + 1;
      await opened.consume(stream, onMessage, { consumerTag, arguments: { 'x-stream-offset': from } });
      channel = reading;
      onReading?.();
    },
    onClosed: () => {
      channel = undefined;
    },
    onFailing(error, failures) {
      if (failures % MOST_FAILURES !== 0 || isNotFound(error) || isAccessRefused(error)) return;
      connection.giveUp(`the stream ${stream} cannot be read: ${messageOf(error)}`);
    },
    logger,
  });
  return {
    position: () => position,
    first: () => first,
    active: () => channel !== undefined && connection.state() !== 'down',
    async latest() {
      if (!channel) throw new Error(`the stream ${stream} is not being read`);
      return latestOffset(connection, stream);
    },
    restart: () => void channel?.on.close().catch(() => {}),
    close: kept.close,
  };
}

/** A channel with one acknowledgement for all that it reads: acknowledging twice would close it. */
export interface StreamChannel {
  readonly on: Channel;
  acknowledge(message: ConsumeMessage): void;
}

/** Acknowledges with one frame all that a tick brought; on a stream that only keeps the entries coming. */
export async function streamChannel(on: Channel, prefetch = PREFETCH): Promise<StreamChannel> {
  await on.prefetch(prefetch);
  let latest: ConsumeMessage | undefined;
  return {
    on,
    acknowledge(message) {
      const scheduled = latest !== undefined;
      latest = message;
      if (scheduled) return;
      setImmediate(() => {
        const upTo = latest;
        latest = undefined;
        try {
          if (upTo) on.ack(upTo, true);
        } catch {
          // Closed meanwhile: the next channel reads on from the position.
        }
      });
    },
  };
}

/** A stream that ends before what was read of it has been deleted and declared anew. */
async function isRenewed(connection: BrokerConnection, stream: string, position: number): Promise<boolean> {
  return (await lastOffset(connection, stream)) < position;
}

/** How long an entry that is there is waited for, in milliseconds. */
export const ANSWER_TIMEOUT_MS = 3_000;

/**
 * Offset of the latest entry. It may miss what is written at that moment.
 *
 * @throws BrokerUnavailableError when the stream is empty or cannot be read
 */
export async function latestOffset(connection: BrokerConnection, stream: string): Promise<number> {
  const latest = await lastOffset(connection, stream);
  if (latest < 0) throw new BrokerUnavailableError(`The stream ${stream} has no entry.`);
  return latest;
}

/**
 * Offset of the latest entry; -1 for a stream without any. It may miss what is written at that moment. Reads the last
 * chunk: a stream's message count would not do, as RabbitMQ brings it up to date every few seconds.
 *
 * @throws BrokerUnavailableError when the stream cannot be read
 */
export function lastOffset(connection: BrokerConnection, stream: string): Promise<number> {
  return withStream(connection, stream, async (channel) => {
    const entry = (await consumeSome(channel, stream, 'last', () => true)).at(-1);
    if (entry) return entry.offset;
    if ((await channel.on.checkQueue(stream)).messageCount === 0) return -1;
    throw new Error(NOTHING_CAME);
  });
}

/**
 * Offset of the first entry that the stream still has.
 *
 * @throws BrokerUnavailableError when the stream is empty or cannot be read
 */
export function firstOffset(connection: BrokerConnection, stream: string): Promise<number> {
  return withStream(connection, stream, async (channel) => {
    const [entry] = await consumeSome(channel, stream, 'first', () => true);
    if (!entry) throw new Error(NOTHING_CAME);
    return entry.offset;
  });
}

const NOTHING_CAME = `no entry came within ${ANSWER_TIMEOUT_MS} ms`;

/**
 * One entry; undefined when the stream has it no longer.
 *
 * @throws BrokerUnavailableError when the stream cannot be read
 */
export async function entryAt(
  connection: BrokerConnection,
  stream: string,
  offset: number,
): Promise<StreamEntry | undefined> {
  const [entry] = await withStream(
    connection,
    stream,
    (channel) => consumeSome(channel, stream, offset, (each) => each.offset >= offset),
    1,
  );
  return entry?.offset === offset ? entry : undefined;
}

/** How many entries are on their way while they are worked through. */
const RANGE_PREFETCH = 200;
/** How long the next entry of a range may take, in milliseconds: it is there, and a busy node is no reason to begin again. */
const RANGE_TIMEOUT_MS = 30_000;

/**
 * Goes through the entries from one offset to another, both included, as far as the stream still has them.
 *
 * @param onEntry takes one entry after the other; what it throws ends the reading
 * @throws BrokerUnavailableError when the stream cannot be read, or onEntry throws
 */
export function readRange(
  connection: BrokerConnection,
  stream: string,
  from: number,
  to: number,
  onEntry: (entry: StreamEntry) => Promise<void>,
): Promise<void> {
  return withChannel(connection, `The stream ${stream}`, async (channel) => {
    await channel.prefetch(RANGE_PREFETCH);
    let silence: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      let turn = Promise.resolve();
      let underWay = 0;
      silence = setTimeout(() => {
        if (underWay > 0) silence?.refresh();
        else reject(new Error(`no entry came within ${RANGE_TIMEOUT_MS} ms`));
      }, RANGE_TIMEOUT_MS);
      const take = async (message: ConsumeMessage) => {
        const { content, properties } = message;
        const offset = offsetOf(message);
        if (offset >= from && offset <= to) await onEntry({ offset, content, properties });
        channel.ack(message);
        if (offset >= to) resolve();
        underWay--;
        silence?.refresh();
      };
      channel.once('close', () => reject(new Error('the channel was closed')));
      const onMessage = (message: ConsumeMessage | null) => {
        if (!message) return reject(new Error('cancelled by the broker'));
        underWay++;
        turn = turn.then(() => take(message));
        turn.catch(reject);
      };
      channel.consume(stream, onMessage, { arguments: { 'x-stream-offset': from } }).catch(reject);
    }).finally(() => clearTimeout(silence));
  });
}

function withStream<T>(
  connection: BrokerConnection,
  stream: string,
  act: (channel: StreamChannel) => Promise<T>,
  prefetch?: number,
): Promise<T> {
  return withChannel(connection, `The stream ${stream}`, async (channel) =>
    act(await streamChannel(channel, prefetch)),
  );
}

/** Consumes until an entry fits, and returns it and what came with it that fits too; none when none came in time. */
async function consumeSome(
  { on, acknowledge }: StreamChannel,
  stream: string,
  from: number | 'first' | 'last',
  fits: (entry: StreamEntry) => boolean,
): Promise<StreamEntry[]> {
  const entries: StreamEntry[] = [];
  const enough = new AbortController();
  const answer = sleep(ANSWER_TIMEOUT_MS, undefined, { signal: enough.signal, ref: false }).catch(() => {});
  const onMessage = (message: ConsumeMessage | null) => {
    if (!message) return enough.abort();
    acknowledge(message);
    const entry = { offset: offsetOf(message), content: message.content, properties: message.properties };
    if (!fits(entry)) return;
    entries.push(entry);
    enough.abort();
  };
  const { consumerTag } = await on.consume(stream, onMessage, {
    arguments: { 'x-stream-offset': from },
  });
  await answer;
  await on.cancel(consumerTag);
  return entries;
}

/** Where the stream has an entry that was consumed from it. */
export function offsetOf({ properties }: ConsumeMessage): number {
  return Number(properties.headers?.['x-stream-offset']);
}
