/**
 * The one runtime of every target: decode, align, handle, settle. A delivery is acknowledged only when
 * whatever follows from it has been confirmed by the broker, so that a crash anywhere repeats and never loses.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../amqp/connection';
import type { Publisher } from '../amqp/publisher';
import { type Delivery, subscribe } from '../amqp/subscription';
import type { Clock } from '../clock';
import { MalformedMessageError, messageOf } from '../errors';
import type { Recorder } from '../ledger/recorder';
import type { Logger } from '../logger';
import { decodeMessage, type Message } from '../message';
import type { Metrics } from '../metrics';
import type { Scheduler } from '../scheduler';
import { targetQueue } from '../topology';
import type { Verdicts } from '../verdicts/verdicts';
import type { RetryPolicy } from './backoff';
import { createCarryOut } from './carry-out';
import { createGate, type Passage } from './gate';
import type { GuardedHandler } from './handler';
import { attemptName, createRepeats } from './repeats';
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
  /** Which deliveries are void. Followed on the connection above. */
  readonly verdicts: Pick<Verdicts, 'isVoid' | 'knownFor' | 'dropped'>;
  /** Told what became of each message. */
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Handlers running at once. */
  readonly handlers: number;
  /** Messages in hand at most, held and running. */
  readonly prefetch: number;
  readonly retryPolicy: RetryPolicy;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
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

/** What a handling came to, as it is counted. */
const OUTCOMES = { acknowledge: 'done', forward: 'retried', park: 'parked' } as const;

/** Starts consuming a target's queue. */
export async function runTarget(options: TargetOptions): Promise<TargetRunner> {
  const { target, handler, publisher, scheduler, verdicts, recorder, clock, metrics, logger } = options;
  const { handlers, prefetch, retryPolicy } = options;
  const repeats = createRepeats();
  const stopping = new AbortController();
  const carryOut = createCarryOut({
    target,
    publisher,
    scheduler,
    recorder,
    clock,
    stopping: stopping.signal,
    metrics,
    logger,
  });
  /** Aborted when what is in hand goes back to the queue. */
  let giveBack = createGiveBack();
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
    onLost: () => {
      gate.sendBack(false);
      giveBack.abort();
      giveBack = createGiveBack();
    },
    logger,
  });
  metrics.watchTarget(target, { ...gate, handlers: () => handlers, consuming: subscription.active });

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
    const attempt = attemptName(message);
    for (let other = repeats.ongoing(attempt); other; other = repeats.ongoing(attempt)) await other;
    if (repeats.settled(attempt)) {
      delivery.ack();
      metrics.repeatDropped(target);
      logger.info('repeat dropped', { to: target, messageId: message.id, attempt: message.attempt });
      return;
    }
    const end = repeats.begin(attempt);
    let settled = false;
    try {
      settled = await alignAndHandle(delivery, message);
    } finally {
      end(settled);
    }
  }

  async function alignAndHandle(delivery: Delivery, message: Message): Promise<boolean> {
    if (verdicts.isVoid(message)) return drop(delivery, message);
    const aheadMs = message.dueAt - clock();
    if (aheadMs > LONGEST_HOLD_MS) {
      logger.debug('early, sent round again', { to: target, messageId: message.id, aheadMs });
      await carryOut(delivery, { kind: 'forward', message });
      return false; // the same delivery comes again, and is to be handled then
    }
    if (!(await verdictsKnown(message)) || (await passGate(delivery, message)) === 'back') {
      delivery.requeue();
      return false;
    }
    if (!verdicts.isVoid(message)) return handleAndSettle(delivery, message);
    leaveGate();
    return drop(delivery, message);
  }

  function passGate(delivery: Delivery, message: Message): Promise<Passage> {
    return gate.pass(message.dueAt, delivery.returns >= MOST_RETURNS);
  }

  /** False when the message goes back to its queue before that. */
  function verdictsKnown({ dueAt }: Message): Promise<boolean> {
    return verdicts.knownFor(dueAt, giveBack.signal).then(
      () => true,
      () => false,
    );
  }

  async function drop(delivery: Delivery, message: Message): Promise<boolean> {
    const { id, attempt, dueAt } = message;
    await recorder.record({
      kind: 'dropped',
      id,
      to: target,
      delivery: message.delivery,
      attempt,
      dueAt,
      at: clock(),
    });
    delivery.ack();
    verdicts.dropped(id);
    metrics.voidDropped(target);
    logger.info('void, dropped', { to: target, messageId: id, attempt });
    return true;
  }

  async function handleAndSettle(delivery: Delivery, message: Message): Promise<boolean> {
    const startedAt = clock();
    const outcome = await handler(message).finally(leaveGate);
    const now = clock();
    const settlement = settlementOf(message, outcome, {
      policy: retryPolicy,
      now,
      startedAt,
      random: Math.random(),
    });
    logger[settlement.kind === 'park' ? 'warn' : 'info'](pastTense(settlement), {
      to: target,
      messageId: message.id,
      attempt: message.attempt,
      lateMs: startedAt - message.dueAt,
      tookMs: now - startedAt,
      ...(settlement.kind === 'forward' && { retryAt: new Date(settlement.message.dueAt).toISOString() }),
      ...(settlement.kind === 'park' && { reason: settlement.why.reason }),
      ...(outcome.kind !== 'done' && { error: outcome.error }),
    });
    metrics.handled(target, {
      outcome: OUTCOMES[settlement.kind],
      lateMs: startedAt - message.dueAt,
      tookMs: now - startedAt,
    });
    return carryOut(delivery, settlement, message);
  }

  return {
    active: subscription.active,
    async drain(timeoutMs) {
      const giveUp = sleep(timeoutMs, false as const, { ref: false });
      await Promise.race([subscription.stop(), giveUp]);
      gate.sendBack(true);
      giveBack.abort();
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

/** As many may listen as there are messages in hand. */
function createGiveBack(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
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
