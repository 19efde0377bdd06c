/**
 * Consuming a queue: the broker pushes deliveries up to a prefetch, until the subscription is paused; then
 * it hands out single ones on request.
 */
import type { Channel, ConsumeMessage, GetMessage } from 'amqplib';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import { keepChannelOpen, plainChannel } from './channel';
import type { BrokerConnection } from './connection';

/** One message in hand, until it is acknowledged or requeued or its channel closes. */
export interface Delivery {
  readonly content: Buffer;
  readonly properties: GetMessage['properties'];
  /** Tells the broker that the message is done with. False when the channel is gone and the broker delivers it again. */
  ack(): boolean;
  /** Gives the message back to the queue, for whoever is next. Up to RabbitMQ 4.2 this counts towards the delivery limit. */
  requeue(): void;
  /** Whether the channel is gone: the broker delivers the message again, here or elsewhere. */
  lost(): boolean;
}

/** Options of subscribe. */
export interface SubscriptionOptions {
  readonly connection: BrokerConnection;
  readonly queue: string;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  /** How many deliveries the broker pushes before it waits for one to be acknowledged. */
  readonly prefetch: number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** The channel is gone: what was in hand comes again, here or elsewhere. A paused subscription is resumed. */
  readonly onLost: () => void;
  readonly logger: Logger;
}

/** A subscription to one queue. */
export interface Subscription {
  /** Stops the broker's pushing; what is in hand stays in hand. */
  pause(): void;
  /** Has the broker push again. */
  resume(): void;
  /** Whether it is paused. */
  paused(): boolean;
  /** Fetches the queue's next message; undefined when there is none. Each call costs a round trip. */
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
  const { connection, queue, consumerTag, prefetch, onDelivery, onLost, logger } = options;
  let channel: Channel | undefined;
  let state: 'pushing' | 'paused' | 'stopped' = 'pushing';
  const closed = new WeakSet<Channel>();

  const handed = (on: Channel, message: ConsumeMessage | GetMessage) =>
    delivery(on, message, () => closed.has(on));

  const consume = (on: Channel) =>
    on.consume(queue, (message) => (message ? onDelivery(handed(on, message)) : onCancelled(on)), {
      consumerTag,
    });

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
      state = 'pushing';
      await opened.prefetch(prefetch);
      await consume(opened);
      channel = opened;
    },
    onClosed: () => {
      channel = undefined;
      onLost();
    },
    logger,
  });

  /** Requests of a channel are answered in their order, so pausing and resuming cannot overtake each other. */
  const request = (what: string, act: (on: Channel) => Promise<unknown>) => {
    if (!channel) return;
    act(channel).catch((error) => logger.debug(`not ${what}`, { queue, error: messageOf(error) }));
  };

  return {
    pause() {
      if (state !== 'pushing') return;
      state = 'paused';
      request('paused', (on) => on.cancel(consumerTag));
    },
    resume() {
      if (state !== 'paused') return;
      state = 'pushing';
      request('resumed', consume);
    },
    paused: () => state === 'paused',
    async pull() {
      const on = channel;
      if (!on || state === 'stopped') return undefined;
      const message = await on.get(queue);
      return message ? handed(on, message) : undefined;
    },
    active: () => channel !== undefined && state !== 'stopped',
    async stop() {
      const pushing = state === 'pushing';
      state = 'stopped';
      if (pushing) await channel?.cancel(consumerTag).catch(() => {});
    },
    close: () => kept.close(),
  };
}

function delivery(channel: Channel, message: ConsumeMessage | GetMessage, lost: () => boolean): Delivery {
  const send = (act: () => void): boolean => {
    try {
      act();
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
    lost,
  };
}
