/** Moving messages from the queues of one broker to another: confirmed there before it is acknowledged here. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import { keepChannelOpen, plainChannel, withChannel } from '../amqp/channel';
import type { BrokerConnection } from '../amqp/connection';
import type { Publisher } from '../amqp/publisher';
import type { Clock } from '../clock';
import { isPublishError, messageOf } from '../errors';
import type { Logger } from '../logger';
import { type Place, type PlaceKind, publicationOf } from './places';

/** Options of moveMessages. */
export interface MoveOptions {
  readonly from: BrokerConnection;
  /** Publishes on the new broker. */
  readonly publisher: Pick<Publisher, 'publish'>;
  /** Queues of the old broker, all of them there. */
  readonly places: readonly Place[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A message that stays where it is. */
export interface Left {
  readonly queue: string;
  readonly id: string | undefined;
  readonly reason: string;
}

/** Messages being moved. */
export interface Move {
  /** How many are on the new broker. */
  moved(): Readonly<Record<PlaceKind, number>>;
  /** Those that cannot be moved; they go back to their queues at the end. */
  left(): readonly Left[];
  /** How many messages the old broker still has in these queues, beside those in hand. */
  waiting(): Promise<number>;
  /** Resolves once nothing has come for a while and no queue has anything, or when it is closed. */
  emptied(): Promise<void>;
  /** Takes nothing more, and waits for the confirms of what is in hand. */
  close(): Promise<void>;
}

/** From each queue at once. With little in hand of 188 queues, memory stays bounded whatever the bodies. */
const PREFETCH = 30;
/** RabbitMQ 4 takes no larger bodies, and closes the channel on one. */
const LARGEST_BODY_BYTES = 16_777_216;
const RETRY_DELAY_MS = 200;
const LONGEST_RETRY_DELAY_MS = 5_000;
/** What is between two queues of the old broker comes within this time, in milliseconds. */
const QUIET_MS = 3_000;
const LOOK_MS = 500;

/**
 * Moves messages as they come, until it is closed.
 *
 * @throws amqplib's error when a queue cannot be consumed
 */
export async function moveMessages(options: MoveOptions): Promise<Move> {
  const { from, publisher, places, clock, logger } = options;
  const moved = { pending: 0, parked: 0, unroutable: 0 };
  const left = new Map<Channel, Left[]>();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  let inHand = 0;
  let current: Channel | undefined;
  let lastCameAt = clock();

  /** Publishes for as long as it takes; false when the message goes back to its queue, or stays in hand. */
  const published = async (message: ConsumeMessage, place: Place, on: Channel): Promise<boolean> => {
    const { properties, content } = message;
    const leave = (reason: string) => {
      left.get(on)?.push({ queue: place.queue, id: properties.messageId, reason });
      logger.warn('not moved', { queue: place.queue, messageId: properties.messageId, error: reason });
      return false;
    };
    if (content.length > LARGEST_BODY_BYTES) return leave('its body is larger than 16 MiB');
    for (let waitMs = RETRY_DELAY_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_DELAY_MS)) {
      try {
        await publisher.publish(publicationOf(message, place, clock()));
        return true;
      } catch (error) {
        if (!isPublishError(error)) return leave(messageOf(error));
        logger.warn('not moved yet', { queue: place.queue, error: messageOf(error) });
        await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {});
        if (on !== current || closing.signal.aborted) return false;
      }
    }
  };

  const take = async (message: ConsumeMessage, place: Place, on: Channel): Promise<void> => {
    inHand++;
    lastCameAt = clock();
    try {
      if (!(await published(message, place, on))) return;
      moved[place.kind]++;
      on.ack(message);
    } catch {
      // The channel is closed: the message comes again, and is on the new broker twice.
    } finally {
      inHand--;
    }
  };

  const kept = await keepChannelOpen({
    name: 'move',
    open: plainChannel(from),
    onOpen: async (channel) => {
      current = channel;
      left.clear();
      left.set(channel, []);
      await channel.prefetch(PREFETCH);
      await Promise.all(
        places.map((place) =>
          channel.consume(place.queue, (message) => {
            if (!message) return void channel.close().catch(() => {});
            if (!closing.signal.aborted) void take(message, place, channel);
          }),
        ),
      );
    },
    onClosed: () => {
      current = undefined;
    },
    logger,
  });

  const waiting = () =>
    withChannel(from, 'The queues to be moved', async (channel) => {
      const counts = await Promise.all(places.map(({ queue }) => channel.checkQueue(queue)));
      return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
    });
  const isEmpty = async () => {
    if (inHand > 0 || clock() - lastCameAt <= QUIET_MS) return false;
    // Those that stay in hand may keep a queue from sending more.
    return (await waiting().catch(() => 1)) === 0 || [...left.values()].flat().length >= PREFETCH;
  };

  return {
    moved: () => moved,
    left: () => [...left.values()].flat(),
    waiting,
    async emptied() {
      while (!closing.signal.aborted && !(await isEmpty()))
        await sleep(LOOK_MS, undefined, { signal: closing.signal }).catch(() => {});
    },
    async close() {
      closing.abort();
      while (inHand > 0) await sleep(LOOK_MS / 10);
      await kept.close();
    },
  };
}
