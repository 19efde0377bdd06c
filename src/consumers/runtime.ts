/**
 * The one runtime of every target: takes its deliveries, as many as there are handlers for, and ends without dropping
 * one. What happens to each stands in processing.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../amqp/connection';
import { type Delivery, subscribe } from '../amqp/subscription';
import { messageOf } from '../errors';
import { targetQueue } from '../topology';
import { createPace } from './pace';
import { createProcessing, MOST_RETURNS, type ProcessingOptions } from './processing';

/** Options of runTarget. */
export interface TargetOptions extends ProcessingOptions {
  /** Consumes and acknowledges. Not the publisher's: a memory alarm stops what publishes, never acknowledgements. */
  readonly connection: BrokerConnection;
  /** See SubscriptionOptions; it goes with as many handlers as messages in hand, for there is nobody else to handle any. */
  readonly singleActiveConsumer?: boolean;
  /** Messages in hand at most, held and running. */
  readonly prefetch: number;
  /** Shown in the management UI. */
  readonly consumerTag: string;
}

/** A target's running consumer. */
export interface TargetRunner {
  /** Whether the broker is sending deliveries. */
  active(): boolean;
  /** Takes nothing more, gives back what is held, waits for what runs, at most `timeoutMs`. False when that did not suffice. */
  drain(timeoutMs: number): Promise<boolean>;
}

/**
 * An overloaded target fetches what will have a handler within so long, in milliseconds: a round trip to a quorum queue takes
 * several, in which a fast handler would have nothing to do. Far below the time after which a message goes back.
 */
const FETCHED_AHEAD_MS = 50;

/** Starts consuming a target's queue. */
export async function runTarget(options: TargetOptions): Promise<TargetRunner> {
  const { target, connection, consumerTag, prefetch, clock, handlers, metrics, logger } = options;
  let inHand = 0;
  let pulling = 0;
  let emptied: (() => void) | undefined;

  const pace = createPace(handlers);
  const onOverload = () => {
    pace.forget();
    subscription.pause();
  };
  const handler = pace.measured(options.handler);
  const processing = createProcessing({ ...options, handler }, onOverload, pullNext);
  const { gate } = processing;
  const subscription = await subscribe({
    connection,
    queue: targetQueue(target),
    consumerTag,
    prefetch,
    singleActiveConsumer: options.singleActiveConsumer,
    mostReturns: MOST_RETURNS,
    onDelivery: accept,
    onLost: () => processing.giveBack(false),
    logger,
  });
  metrics.watchTarget(target, { ...gate, handlers: () => handlers, consuming: subscription.active });

  function accept(delivery: Delivery): Promise<void> {
    inHand++;
    return processing
      .take(delivery)
      .catch((error) => {
        const { stack } = error as Error;
        logger.error('delivery failed unexpectedly', { to: target, error: messageOf(error), stack });
        delivery.requeue();
      })
      .finally(() => {
        inHand--;
        if (inHand === 0) emptied?.();
        pullNext(); // for what left hand without having had a handler
      });
  }

  /** An overloaded target fetches a message for each handler that is free or will be in a moment, and is over it when none is due. */
  function pullNext(): void {
    const wanted = Math.min(prefetch, handlers + pace.endingWithin(FETCHED_AHEAD_MS));
    while (subscription.paused() && gate.running() + gate.waiting() + pulling < wanted) pull();
  }

  function pull(): void {
    pulling++;
    subscription
      .pull()
      .finally(() => pulling--)
      .then((delivery) => {
        if (!delivery || isEarly(delivery)) subscription.resume();
        if (delivery) void accept(delivery);
      })
      .catch((error) => logger.debug('not pulled', { to: target, error: messageOf(error) }));
  }

  function isEarly({ properties }: Delivery): boolean {
    return Number(properties.headers?.['due-at']) > clock();
  }

  return {
    active: subscription.active,
    async drain(timeoutMs) {
      const giveUp = sleep(timeoutMs, false as const, { ref: false });
      await Promise.race([subscription.stop(), giveUp]);
      processing.giveBack(true);
      const empty = new Promise<true>((resolve) => {
        emptied = () => resolve(true);
        if (inHand === 0) resolve(true);
      });
      const finished = await Promise.race([empty, giveUp]);
      await subscription.close();
      return finished;
    },
  };
}
