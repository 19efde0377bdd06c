/**
 * Copying a stream to another broker, entry by entry and in order, and following it. It goes on where an earlier run
 * ended, however that ended: each copy says which entry it is of.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import { keepChannelOpen, plainChannel } from '../amqp/channel';
import type { BrokerConnection } from '../amqp/connection';
import type { Publication, Publisher } from '../amqp/publisher';
import { lastOffset, offsetOf, readRange } from '../amqp/stream';
import { isPublishError, messageOf } from '../errors';
import type { Logger } from '../logger';
import { copiedOffset, type EntryCopy } from './entries';

/** Options of copyStream. */
export interface StreamCopyOptions {
  readonly from: BrokerConnection;
  readonly to: BrokerConnection;
  /** Publishes on the new broker. */
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly stream: string;
  /** Names the old broker in each copy, the same in every run. */
  readonly source: string;
  readonly copy: EntryCopy;
  readonly logger: Logger;
}

/** A stream being copied. */
export interface StreamCopy {
  readonly stream: string;
  /** How many entries this run has copied. */
  copied(): number;
  /** Resolves once everything is copied and confirmed that the old broker had when this was called. */
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

/** Copies on their way at once. The next go only when all of these are confirmed, so that no gap is ever left behind. */
const WINDOW = 500;
const RETRY_DELAY_MS = 500;
const LOOK_MS = 50;

/**
 * Copies a stream, and follows it.
 *
 * @throws BrokerUnavailableError, or amqplib's error, when one of the streams cannot be read
 */
export async function copyStream(options: StreamCopyOptions): Promise<StreamCopy> {
  const { from, publisher, stream, source, copy, logger } = options;
  let position = await copiedBefore(options);
  let copied = 0;
  let turn = Promise.resolve();
  let closed = false;

  const publish = async (publication: Publication): Promise<void> => {
    try {
      await publisher.publish(publication);
    } catch (error) {
      if (isPublishError(error)) throw error;
      logger.error('entry left out', { stream, error: messageOf(error) }); // no entry of ours
    }
  };
  const publishAll = async (window: readonly ConsumeMessage[]): Promise<void> => {
    const copies = window
      .map((message) => copy({ offset: offsetOf(message), ...message }, source))
      .filter((publication) => publication !== undefined);
    for (let written = false; !written && !closed; ) {
      const results = await Promise.allSettled(copies.map(publish));
      const failure = results.find((result) => result.status === 'rejected');
      written = failure === undefined;
      if (failure) {
        logger.warn('entries not copied yet', { stream, error: messageOf(failure.reason) });
        await sleep(RETRY_DELAY_MS);
      }
    }
    if (!closed) copied += copies.length;
  };

  /** Copies what has come on this channel; one after the other, as the channel before may not be done. */
  const work = async (channel: Channel, come: ConsumeMessage[]): Promise<void> => {
    const window = come.splice(0, WINDOW);
    const last = window.at(-1);
    if (!last || closed) return;
    await publishAll(window.filter((message) => offsetOf(message) > position));
    if (closed) return;
    position = Math.max(position, offsetOf(last));
    try {
      channel.ack(last, true);
    } catch {
      // Closed meanwhile: the next channel reads on from the position.
    }
  };

  const kept = await keepChannelOpen({
    name: `copy ${stream}`,
    open: plainChannel(from),
    onOpen: async (channel) => {
      await turn;
      const come: ConsumeMessage[] = [];
      await channel.prefetch(2 * WINDOW);
      const onMessage = (message: ConsumeMessage | null) => {
        if (!message) return void channel.close().catch(() => {});
        come.push(message);
        turn = turn.then(() => work(channel, come));
      };
      const offset = position < 0 ? 'first' : position + 1;
      await channel.consume(stream, onMessage, { arguments: { 'x-stream-offset': offset } });
    },
    logger,
  });

  return {
    stream,
    copied: () => copied,
    async caughtUp() {
      const last = await lastOffset(from, stream);
      while (position < last && !closed) await sleep(LOOK_MS);
      await turn;
    },
    async close() {
      closed = true;
      await turn;
      await kept.close();
    },
  };
}

/** The latest entry that all before were copied with for certain; -1 where there is none. */
async function copiedBefore({ to, stream, source }: StreamCopyOptions): Promise<number> {
  const last = await lastOffset(to, stream);
  let latest = -1;
  if (last >= 0) {
    await readRange(to, stream, 0, last, async (entry) => {
      latest = Math.max(latest, copiedOffset(entry, source) ?? -1);
    });
  }
  // Of the last window not all may have arrived, and copying an entry twice changes nothing.
  return Math.max(-1, latest - WINDOW);
}
