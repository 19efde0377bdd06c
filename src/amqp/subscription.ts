/**
 * Consuming a queue: the broker pushes deliveries up to a prefetch, until the subscription is paused; then
 * it hands out single ones on request.
 *
 * When a consumer dies, everything in its hands counts as delivered once more. So that one message that
 * kills its consumers does not take its neighbours along to the delivery limit, what was returned often is
 * taken alone, before the pushing begins: returned messages stand at the head of their queue.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConsumeMessage, GetMessage } from 'amqplib';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import { keepChannelOpen, plainChannel } from './channel';
import type { BrokerConnection } from './connection';
import { watchForSilence } from './silence';

/** One message in hand, until it is acknowledged or requeued or its channel closes. */
export interface Delivery {
  readonly content: Buffer;
  readonly properties: GetMessage['properties'];
  /** Tells the broker that the message is done with. False when the channel is gone and the broker delivers it again. */
  ack(): boolean;
  /** How often it came back to the queue before: given back, or in the hands of a consumer that died. */
  readonly returns: number;
  /** Gives the message back to the queue, for whoever is next. Up to RabbitMQ 4.2 this counts towards the delivery limit. */
  requeue(): void;
  /** Whether the channel is gone: the broker delivers the message again, here or elsewhere. */
  lost(): boolean;
}

/** How long a closing subscription waits for its acknowledgements to arrive, in milliseconds. */
const FLUSH_TIMEOUT_MS = 2_000;

/** Options of subscribe. */
export interface SubscriptionOptions {
  readonly connection: BrokerConnection;
  readonly queue: string;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  /** Whether the queue has a single active consumer: from such a one RabbitMQ hands out nothing but by push. Default no. */
  readonly singleActiveConsumer?: boolean | undefined;
  /** How many deliveries the broker pushes before it waits for one to be acknowledged. */
  readonly prefetch: number;
  /** What came back more often than this is taken alone when the channel opens. */
  readonly mostReturns: number;
  /** Takes a delivery; resolves when it is out of hand. */
  readonly onDelivery: (delivery: Delivery) => Promise<void>;
  /** The channel is gone: what was in hand comes again, here or elsewhere. A paused subscription is resumed. */
  readonly onLost: () => void;
  /** Between two looks whether what the queue has is pushed, in milliseconds; default 10,000. */
  readonly lookMs?: number;
  readonly logger: Logger;
}

/** A subscription to one queue. */
export interface Subscription {
  /** Stops the broker's pushing; what is in hand stays in hand. */
  pause(): void;
  /**
   * Has the broker push again, or with another prefetch.
   *
   * @param count how many, beside what is in hand, until one of them is acknowledged; default `prefetch`
   */
  resume(count?: number): void;
  /** Whether it is paused. */
  paused(): boolean;
  /** Fetches the queue's next message; undefined when there is none. RabbitMQ hands out some hundreds a second on a channel, one after the other. */
  pull(): Promise<Delivery | undefined>;
  /** Whether the queue is being consumed, by push or by pull. */
  active(): boolean;
  /** Takes no further deliveries; those in hand can still be acknowledged. */
  stop(): Promise<void>;
  /** Closes the channel; what is still in hand goes back to the queue. */
  close(): Promise<void>;
}

/**
 * Subscribes to a queue and stays subscribed when the channel or the connection is lost.
 *
 * @throws amqplib's error when the queue is not there or may not be read
 */
export async function subscribe(options: SubscriptionOptions): Promise<Subscription> {
  const { connection, queue, consumerTag, prefetch, mostReturns, onDelivery, onLost, logger } = options;
  const { singleActiveConsumer = false } = options;
  let channel: Channel | undefined;
  let state: 'opening' | 'pushing' | 'paused' | 'stopped' = 'opening';
  /** How many consumers the channel has had, and the prefetch of the latest one. */
  let consumers = 0;
  let limit = prefetch;
  const closed = new WeakSet<Channel>();
  /** Counts deliveries and channels. */
  let came = 0;
  /** The latest channel, what `came` was when it opened, and how many deliveries of it are in hand. */
  let latest: Channel | undefined;
  let cameBefore = 0;
  let inHand = 0;

  const handed = (on: Channel, message: ConsumeMessage | GetMessage) => {
    came++;
    inHand++;
    const outOfHand = () => {
      if (on === latest) inHand--;
    };
    return delivery(on, message, () => closed.has(on), outOfHand);
  };

  /**
   * Each consumer of a channel has a tag of its own: where a new one has that of an old one whose deliveries are in hand, RabbitMQ 3.10
   * ends the connection when they are acknowledged.
   */
  const tag = () => (consumers === 1 ? consumerTag : `${consumerTag}#${consumers}`);

  const consume = async (on: Channel, count: number) => {
    consumers++;
    limit = count;
    const onMessage = (message: ConsumeMessage | null) =>
      void (message ? onDelivery(handed(on, message)) : onCancelled(on));
    // A prefetch holds for the consumers that begin after it.
    await Promise.all([on.prefetch(count), on.consume(queue, onMessage, { consumerTag: tag() })]);
  };

  const begin = async (on: Channel) => {
    for (let alone = !singleActiveConsumer; alone && state === 'opening' && !closed.has(on); ) {
      const message = await on.get(queue);
      if (!message) break;
      const taken = handed(on, message);
      const outOfHand = onDelivery(taken);
      alone = taken.returns > mostReturns;
      if (alone) await outOfHand;
    }
    if (state !== 'opening' || closed.has(on)) return;
    state = 'pushing';
    await consume(on, prefetch);
  };

  // The server cancels a consumer whose queue is deleted or fails over; a fresh channel subscribes anew.
  const onCancelled = (on: Channel) => {
    logger.warn('cancelled by the broker', { queue, consumerTag });
    on.close().catch(() => {});
  };

  const kept = await keepChannelOpen({
    name: consumerTag,
    open: plainChannel(connection),
    onOpen: async (opened) => {
      opened.once('close', () => closed.add(opened));
      if (state === 'stopped') return;
      state = 'opening';
      latest = opened;
      cameBefore = ++came;
      inHand = 0;
      consumers = 0;
      await opened.checkQueue(queue);
      channel = opened;
      // What is taken alone may take long, and the process is ready for the next ones only after it.
      begin(opened).catch((error) => {
        logger.warn('not consuming yet', { queue, consumerTag, error: messageOf(error) });
        opened.close().catch(() => {});
      });
    },
    onClosed: () => {
      channel = undefined;
      onLost();
    },
    logger,
  });

  const stopWatching = watchForSilence({
    lookMs: options.lookMs,
    expecting: () =>
      state === 'pushing' &&
      connection.state() === 'up' &&
      inHand < limit &&
      // With a single active consumer another one may be the active one.
      (!singleActiveConsumer || came > cameBefore),
    came: () => came,
    waiting: async () => (await channel?.checkQueue(queue))?.messageCount ?? 0,
    onSilence(messages) {
      logger.warn('nothing is pushed, the channel is given up', { queue, consumerTag, messages });
      channel?.close().catch(() => {});
    },
    onError: (error) => logger.debug('not looked for silence', { queue, error: messageOf(error) }),
  });

  /** Requests of a channel are sent and answered in their order, so pausing and resuming cannot overtake each other. */
  const request = (what: string, act: (on: Channel) => Promise<unknown>) => {
    if (!channel) return;
    act(channel).catch((error) => logger.debug(`not ${what}`, { queue, error: messageOf(error) }));
  };

  return {
    pause() {
      if (state !== 'pushing') return;
      state = 'paused';
      request('paused', (on) => on.cancel(tag()));
    },
    resume(count = prefetch) {
      if (state !== 'paused' && state !== 'pushing') return;
      const pushing = state === 'pushing';
      state = 'pushing';
      request('resumed', (on) => Promise.all([pushing && on.cancel(tag()), consume(on, count)]));
    },
    paused: () => state === 'paused',
    async pull() {
      const on = channel;
      if (!on || singleActiveConsumer || state === 'stopped') return undefined;
      const message = await on.get(queue);
      return message ? handed(on, message) : undefined;
    },
    active: () => channel !== undefined && state !== 'stopped',
    async stop() {
      const pushing = state === 'pushing';
      state = 'stopped';
      if (pushing) await channel?.cancel(tag()).catch(() => {});
    },
    async close() {
      state = 'stopped';
      stopWatching();
      const on = channel;
      // RabbitMQ lets 32 acknowledgements at a time be under way to a quorum queue, keeps the others back in the
      // channel and forgets them when that closes. It answers a get after all of them; what it hands out
      // goes back to the queue with the channel.
      if (on && !singleActiveConsumer)
        await Promise.race([
          on.get(queue).catch(() => {}),
          sleep(FLUSH_TIMEOUT_MS, undefined, { ref: false }),
        ]);
      await kept.close();
    },
  };
}

function delivery(
  channel: Channel,
  message: ConsumeMessage | GetMessage,
  lost: () => boolean,
  outOfHand: () => void,
): Delivery {
  const send = (act: () => void): boolean => {
    try {
      act();
      outOfHand();
      return true;
    } catch {
      return false; // amqplib throws on a closed channel; the broker has put the message back by then
    }
  };
  return {
    content: message.content,
    properties: message.properties,
    ack: () => send(() => channel.ack(message)),
    requeue: () => void send(() => channel.nack(message, false, true)),
    returns: Number(message.properties.headers?.['x-delivery-count'] ?? 0),
    lost,
  };
}
