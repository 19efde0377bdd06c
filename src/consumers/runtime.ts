/**
 * The one runtime of every target: decode, align, handle, settle. A delivery is acknowledged only when
 * whatever follows from it has been confirmed by the broker, so that a crash anywhere repeats and never loses.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../amqp/connection';
import type { Publisher } from '../amqp/publisher';
import { type Delivery, subscribe } from '../amqp/subscription';
import type { Clock } from '../clock';
import { MalformedMessageError, messageOf } from '../errors';
import type { Logger } from '../logger';
import { decodeMessage, type Message } from '../message';
import type { Scheduler } from '../scheduler';
import { targetQueue } from '../topology';
import type { RetryPolicy } from './backoff';
import { createCarryOut } from './carry-out';
import { createGate } from './gate';
import type { GuardedHandler } from './handler';
import { createRepeats } from './repeats';
import { type Settlement, settlementOf } from './settle';

/** Options of runTarget. */
export interface TargetOptions {
  readonly target: string;
  readonly handler: GuardedHandler;
  /** Consumes and acknowledges. Not the publisher's: a memory alarm stops what publishes, never acknowledgements. */
  readonly connection: BrokerConnection;
  /** For what is set aside. */
  readonly publisher: Publisher;
  /** For what goes round again. */
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  /** Handlers running at once. */
  readonly handlers: number;
  /** Messages in hand at most, held and running. */
  readonly prefetch: number;
  readonly retryPolicy: RetryPolicy;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  readonly logger: Logger;
  /** For what went well, a line for each message; default `logger`. */
  readonly messageLogger?: Logger;
}

/** A target's running consumer. */
export interface TargetRunner {
  /** Whether the broker is sending deliveries. */
  active(): boolean;
  /** Takes nothing more, gives back what is held, waits for what runs, at most `timeoutMs`. False when that did not suffice. */
  drain(timeoutMs: number): Promise<boolean>;
}

/** Held in memory at most this long, in milliseconds; what is further ahead goes back into the wheel. */
const LONGEST_HOLD_MS = 1_000;
/** A due message that found no free handler for this long, in milliseconds, goes back to its queue. */
const PATIENCE_MS = 200;
/** After so many it is given back no more: up to RabbitMQ 4.2 each counts towards the delivery limit of 20. */
const MOST_RETURNS = 10;

/** Starts consuming a target's queue. */
export async function runTarget(options: TargetOptions): Promise<TargetRunner> {
  const { target, handler, publisher, scheduler, clock, handlers, prefetch, retryPolicy, logger } = options;
  const { messageLogger = logger } = options;
  const repeats = createRepeats();
  const stopping = new AbortController();
  const carryOut = createCarryOut({ target, publisher, scheduler, clock, stopping: stopping.signal, logger });
  let inHand = 0;
  let pulling = 0;
  let emptied: (() => void) | undefined;

  const gate = createGate({
    clock,
    handlers,
    patienceMs: PATIENCE_MS,
    onOverload: () => subscription.pause(),
  });
  const subscription = await subscribe({
    connection: options.connection,
    queue: targetQueue(target),
    consumerTag: options.consumerTag,
    prefetch,
    mostReturns: MOST_RETURNS,
    onDelivery: accept,
    onLost: () => gate.sendBack(false),
    logger,
  });

  function accept(delivery: Delivery): Promise<void> {
    inHand++;
    return take(delivery)
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

  function leaveGate(): void {
    gate.leave();
    pullNext();
  }

  /** An overloaded target fetches one message for each handler that is free, and is over it when none is due. */
  function pullNext(): void {
    if (!subscription.paused() || gate.running() + pulling >= handlers) return;
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

  async function take(delivery: Delivery): Promise<void> {
    const message = decoded(delivery);
    if (message instanceof MalformedMessageError) {
      logger.warn('parked', {
        to: target,
        messageId: delivery.properties.messageId,
        reason: 'malformed',
        error: message.message,
      });
      await carryOut(delivery, { kind: 'park', why: { reason: 'malformed', error: message.message } });
      return;
    }
    for (let other = repeats.ongoing(message.delivery); other; other = repeats.ongoing(message.delivery))
      await other;
    if (repeats.settled(message.delivery)) {
      delivery.ack();
      logger.info('repeat dropped', { to: target, messageId: message.id, attempt: message.attempt });
      return;
    }
    const end = repeats.begin(message.delivery);
    let settled = false;
    try {
      settled = await alignAndHandle(delivery, message);
    } finally {
      end(settled);
    }
  }

  async function alignAndHandle(delivery: Delivery, message: Message): Promise<boolean> {
    const aheadMs = message.dueAt - clock();
    if (aheadMs > LONGEST_HOLD_MS) {
      logger.debug('early, sent round again', { to: target, messageId: message.id, aheadMs });
      await carryOut(delivery, { kind: 'forward', message });
      return false; // the same delivery comes again, and is to be handled then
    }
    if ((await gate.pass(message.dueAt, delivery.returns >= MOST_RETURNS)) === 'back') {
      delivery.requeue();
      return false;
    }
    return handleAndSettle(delivery, message);
  }

  async function handleAndSettle(delivery: Delivery, message: Message): Promise<boolean> {
    const startedAt = clock();
    const outcome = await handler(message).finally(leaveGate);
    const now = clock();
    const settlement = settlementOf(message, outcome, {
      policy: retryPolicy,
      now,
      startedAt,
      delivery: randomUUID(),
      random: Math.random(),
    });
    const log = settlement.kind === 'acknowledge' ? messageLogger : logger;
    log[settlement.kind === 'park' ? 'warn' : 'info'](pastTense(settlement), {
      to: target,
      messageId: message.id,
      attempt: message.attempt,
      lateMs: startedAt - message.dueAt,
      tookMs: now - startedAt,
      ...(settlement.kind === 'forward' && { retryAt: new Date(settlement.message.dueAt).toISOString() }),
      ...(settlement.kind === 'park' && { reason: settlement.why.reason }),
      ...(outcome.kind !== 'done' && { error: outcome.error }),
    });
    return carryOut(delivery, settlement);
  }

  return {
    active: subscription.active,
    async drain(timeoutMs) {
      const giveUp = sleep(timeoutMs, false as const, { ref: false });
      await Promise.race([subscription.stop(), giveUp]);
      gate.sendBack(true);
      stopping.abort();
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

function decoded(delivery: Delivery): Message | MalformedMessageError {
  try {
    return decodeMessage(delivery);
  } catch (error) {
    if (error instanceof MalformedMessageError) return error;
    throw error;
  }
}

function pastTense({ kind }: Settlement): string {
  return { acknowledge: 'handled', forward: 'retried', park: 'parked' }[kind];
}
