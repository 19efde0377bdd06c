/**
 * A channel that is opened again when it closes. amqplib recovers connections but not channels: one that
 * the broker closed (404, 406) or that went down with its connection stays closed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConfirmChannel } from 'amqplib';
import { BrokerUnavailableError, messageOf } from '../errors';
import type { Logger } from '../logger';
import { openAnswering } from './answers';
import type { BrokerConnection } from './connection';

/** Options of keepChannelOpen. */
export interface KeptChannelOptions<C extends Channel> {
  /** What the channel is for, in the log. */
  readonly name: string;
  /** Opens one channel; waits for the connection if that is down. */
  readonly open: () => Promise<C>;
  /** Makes a fresh channel ready; what it throws closes the channel and is tried again. */
  readonly onOpen: (channel: C) => Promise<void> | void;
  /** The channel is gone. */
  readonly onClosed?: () => void;
  /** Opening it anew failed so many times in a row. */
  readonly onFailing?: (error: unknown, failures: number) => void;
  readonly logger: Logger;
}

/** A channel kept open. */
export interface KeptChannel {
  /** Closes the channel for good. */
  close(): Promise<void>;
}

const REOPEN_DELAY_MS = 200;
const LONGEST_REOPEN_DELAY_MS = 5_000;

/**
 * Opens a channel and opens it again whenever it closes, until closed for good.
 *
 * @throws whatever the first open or onOpen throws
 */
export async function keepChannelOpen<C extends Channel>(
  options: KeptChannelOptions<C>,
): Promise<KeptChannel> {
  const { name, open, onOpen, onClosed, onFailing, logger } = options;
  let stopped = false;
  let current: C | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;

  const openOnce = async () => {
    const channel = await open();
    channel.on('error', (error) => logger.warn('channel error', { channel: name, error: messageOf(error) }));
    let closed = false;
    channel.once('close', () => {
      closed = true;
      if (current !== channel) return;
      current = undefined;
      onClosed?.();
      reopenLater();
    });
    try {
      await onOpen(channel);
    } catch (error) {
      await closeChannel(channel);
      throw error;
    }
    if (stopped) return closeChannel(channel);
    if (closed) throw new Error('the channel was closed while it was opened');
    current = channel;
    failures = 0;
  };

  const reopenLater = () => {
    if (stopped) return;
    const delayMs = Math.min(REOPEN_DELAY_MS * 2 ** failures++, LONGEST_REOPEN_DELAY_MS);
    timer = setTimeout(
      () =>
        openOnce().catch((error) => {
          if (stopped) return;
          logger.warn('channel not reopened yet', { channel: name, error: messageOf(error) });
          onFailing?.(error, failures);
          reopenLater();
        }),
      delayMs,
    );
  };

  await openOnce();
  return {
    async close() {
      stopped = true;
      clearTimeout(timer);
      const channel = current;
      current = undefined;
      if (channel) await closeChannel(channel);
    },
  };
}

/** How long a channel's close is waited for, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Closes a channel, whatever its state, and waits a moment for it. */
export async function closeChannel(channel: Channel): Promise<void> {
  const closing = channel.close().catch(() => {});
  await Promise.race([closing, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
}

/**
 * Opens a channel for single requests: each rejects with its own error, so that nobody needs to listen for it.
 *
 * @param lookMs see openAnswering
 */
export async function openQuietChannel(connection: BrokerConnection, lookMs?: number): Promise<Channel> {
  const channel = await plainChannel(connection, lookMs)();
  channel.on('error', () => {});
  return channel;
}

/** How long a channel is waited for before the broker counts as not reachable, in milliseconds. */
const OPEN_TIMEOUT_MS = 1_500;

/**
 * Has a channel for a while; closing it gives back what is still in hand.
 *
 * @param what what is read, for the message, such as `The queue orders`
 * @throws BrokerUnavailableError for whatever goes wrong
 */
export async function withChannel<T>(
  connection: BrokerConnection,
  what: string,
  act: (channel: Channel) => Promise<T>,
): Promise<T> {
  const { host, state } = connection;
  if (state() === 'down') throw new BrokerUnavailableError(`RabbitMQ at ${host} is not reachable for now.`);
  let channel: Channel | undefined;
  try {
    channel = await openInTime(connection);
    return await act(channel);
  } catch (cause) {
    const why = `${what} on RabbitMQ at ${host} cannot be read for now: ${messageOf(cause)}.`;
    throw new BrokerUnavailableError(why, { cause });
  } finally {
    if (channel) await closeChannel(channel);
  }
}

async function openInTime(connection: BrokerConnection): Promise<Channel> {
  const opening = openQuietChannel(connection);
  const channel = await Promise.race([opening, sleep(OPEN_TIMEOUT_MS, undefined, { ref: false })]);
  if (channel) return channel;
  opening.then(closeChannel).catch(() => {}); // should it come after all
  throw new Error(`no answer within ${OPEN_TIMEOUT_MS} ms`);
}

/** Whether the broker's answer is that there is no such exchange or queue. */
export function isNotFound(error: unknown): boolean {
  return replyCodeOf(error) === 404;
}

/** The AMQP reply code with which the broker closed the channel; undefined for any other error. */
export function replyCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Opens a plain channel on this connection, with a limit on how long its answers may take. */
export const plainChannel = (connection: BrokerConnection, lookMs?: number) => (): Promise<Channel> =>
  openAnswering(connection, () => connection.model.createChannel(), lookMs);

/** Opens a channel with publisher confirms on this connection, with the same limit; confirms are not under it. */
export const confirmChannel = (connection: BrokerConnection) => (): Promise<ConfirmChannel> =>
  openAnswering(connection, () => connection.model.createConfirmChannel());
