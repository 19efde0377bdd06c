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
 * Where handlers are fast, an overloaded target has in hand what they will begin within so long, in milliseconds: from one message to the
 * next a quorum queue takes several, in which they would have nothing to do. Far below the time after which a message goes back.
 */
const AHEAD_MS = 50;
/** For how long, in milliseconds, nobody must have waited in vain before handlers count as fast, and before their pace is looked at again. */
const LOOK_MS = 200;

/** Starts consuming a target's queue. */
export async function runTarget(options: TargetOptions): Promise<TargetRunner> {
  const { target, connection, consumerTag, prefetch, clock, handlers, metrics, logger } = options;
  let inHand = 0;
  let pulling = 0;
  /** How many are pushed at most to an overloaded target; undefined while it fetches them, and while it is not overloaded. */
  let limit: number | undefined;
  let lookedAt = 0;
  let emptied: (() => void) | undefined;

  const pace = createPace(handlers);
  const onOverload = () => {
    pace.forget();
    limit = undefined;
    lookedAt = performance.now();
    subscription.pause();
  };
  const handler = pace.measured(options.handler);
  const processing = createProcessing({ ...options, handler }, onOverload, takeNext);
  const { gate } = processing;
  const subscription = await subscribe({
    connection,
    queue: targetQueue(target),
    consumerTag,
    prefetch,
    singleActiveConsumer: options.singleActiveConsumer,
    mostReturns: MOST_RETURNS,
    onDelivery: accept,
    onLost: () => {
      limit = undefined;
      processing.giveBack(false);
    },
    logger,
  });
  metrics.watchTarget(target, { ...gate, handlers: () => handlers, consuming: subscription.active });

  function accept(delivery: Delivery): Promise<void> {
    inHand++;
    if (isOverloaded() && isEarly(delivery)) endOverload();
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
        takeNext(); // for what left hand without having had a handler
      });
  }

  function isOverloaded(): boolean {
    return limit !== undefined || subscription.paused();
  }

  /** An overloaded target gets a message for each handler that is free, and where these are fast, for each that will be in a moment. */
  function takeNext(): void {
    if (!isOverloaded()) return;
    const soonFree = pace.endingWithin(AHEAD_MS);
    if (soonFree >= handlers && performance.now() - lookedAt >= LOOK_MS) pushUpTo(handlers + soonFree);
    if (subscription.paused() && gate.running() + pulling < handlers) pull();
  }

  /** @param wanted how many it should have in hand before they are handled */
  function pushUpTo(wanted: number): void {
    lookedAt = performance.now();
    const settling = inHand - gate.held() - gate.waiting() - gate.running();
    const better = Math.min(prefetch, wanted + settling);
    if (limit !== undefined && Math.abs(better - limit) <= limit / 4) return;
    limit = better;
    subscription.resume(limit);
  }

  function pull(): void {
    pulling++;
    subscription
      .pull()
      .finally(() => pulling--)
      .then((delivery) => {
        if (delivery) void accept(delivery);
        else if (isOverloaded()) endOverload();
      })
      .catch((error) => logger.debug('not pulled', { to: target, error: messageOf(error) }));
  }

  /** None is due in the queue any more, so messages are taken before they are due again. */
  function endOverload(): void {
    limit = undefined;
    subscription.resume();
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
