/**
 * Consuming a queue with a window that opens and closes: how many deliveries may be in hand at once.
 *
 * RabbitMQ fixes a consumer's prefetch when it subscribes, so the window is made of several consumers of
 * the same queue on one channel, each with a part of it: one is added to open it further, all but the
 * first are cancelled to close it.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import { keepChannelOpen, plainChannel } from './channel';
import type { BrokerConnection } from './connection';

/** One message in hand, until it is acknowledged or requeued or its channel closes. */
export interface Delivery {
  readonly content: Buffer;
  readonly properties: ConsumeMessage['properties'];
  /** Tells the broker that the message is done with. False when the channel is gone and the broker delivers it again. */
  ack(): boolean;
  /** Gives the message back to the queue, for whoever is next. */
  requeue(): void;
  /** Whether the channel is gone: the broker delivers the message again, here or elsewhere. */
  lost(): boolean;
}

/** Options of subscribe. */
export interface SubscriptionOptions {
  readonly connection: BrokerConnection;
  readonly queue: string;
  /** Shown in the management UI; each further consumer of the window gets a number behind it. */
  readonly consumerTag: string;
  /** How many deliveries one step of the window lets in. */
  readonly stepSize: number;
  /** How many steps the window has when fully open. */
  readonly steps: number;
  readonly onDelivery: (delivery: Delivery) => void;
  /** The channel is gone: what was in hand comes again, here or elsewhere. */
  readonly onLost: () => void;
  readonly logger: Logger;
}

/** A subscription to one queue. */
export interface Subscription {
  /** How many deliveries the window lets in at the moment. */
  window(): number;
  /** Opens the window by one step, unless it is fully open or not there. */
  widen(): void;
  /** Closes the window down to its first step; what is in hand stays in hand. */
  narrow(): void;
  /** Whether the broker is sending deliveries. */
  active(): boolean;
  /** Takes no further deliveries; those in hand can still be acknowledged. */
  stop(): Promise<void>;
  /** Closes the channel; what is still in hand goes back to the queue. */
  close(): Promise<void>;
}

/** Subscribes to a queue and stays subscribed when the channel or the connection is lost. */
export async function subscribe(options: SubscriptionOptions): Promise<Subscription> {
  const { connection, queue, consumerTag, stepSize, steps, onDelivery, onLost, logger } = options;
  let channel: Channel | undefined;
  let tags: string[] = [];
  let stopped = false;
  const closed = new WeakSet<Channel>();

  const addConsumer = async (on: Channel) => {
    const tag = tags.length === 0 ? consumerTag : `${consumerTag}/${tags.length + 1}`;
    tags.push(tag);
    await on.consume(
      queue,
      (message) => (message ? onDelivery(delivery(on, message, () => closed.has(on))) : onCancelled(on)),
      {
        consumerTag: tag,
      },
    );
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
      tags = [];
      opened.once('close', () => closed.add(opened));
      if (stopped) return;
      await opened.prefetch(stepSize);
      await addConsumer(opened);
      channel = opened;
    },
    onClosed: () => {
      channel = undefined;
      tags = [];
      onLost();
    },
    logger,
  });

  const cancel = async (from: number) => {
    const on = channel;
    const surplus = tags.splice(from);
    if (on) await Promise.allSettled(surplus.map((tag) => on.cancel(tag)));
  };

  return {
    window: () => tags.length * stepSize,
    widen() {
      if (!channel || stopped || tags.length === 0 || tags.length >= steps) return;
      addConsumer(channel).catch((error) =>
        logger.debug('window not widened', { queue, error: messageOf(error) }),
      );
    },
    narrow() {
      if (tags.length > 1) void cancel(1);
    },
    active: () => channel !== undefined && tags.length > 0,
    async stop() {
      stopped = true;
      await cancel(0);
    },
    close: () => kept.close(),
  };
}

function delivery(channel: Channel, message: ConsumeMessage, lost: () => boolean): Delivery {
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
