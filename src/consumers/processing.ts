/**
 * What happens to a delivery, step by step: decoded, recognised as a repeat or as void, held until it is due,
 * handled, settled. It is acknowledged only when whatever follows from it has been confirmed by the broker, so that a
 * crash anywhere repeats and never loses.
 */
import { setMaxListeners } from 'node:events';
import type { Publisher } from '../amqp/publisher';
import type { Delivery } from '../amqp/subscription';
import { type Clock, isoTime } from '../clock';
import { MalformedMessageError } from '../errors';
import type { Recorder } from '../ledger/recorder';
import type { Logger } from '../logger';
import { decodeMessage, type Message } from '../message';
import type { Metrics } from '../metrics';
import type { Scheduler } from '../scheduler';
import type { Verdicts } from '../verdicts/verdicts';
import type { RetryPolicy } from './backoff';
import { createCarryOut } from './carry-out';
import { createGate, type Gate, type Passage } from './gate';
import type { GuardedHandler } from './handler';
import { attemptName, createRepeats } from './repeats';
import { type Settlement, settlementOf } from './settle';

/** What it takes to process a target's deliveries. */
export interface ProcessingOptions {
  readonly target: string;
  readonly handler: GuardedHandler;
  /** For what is set aside. */
  readonly publisher: Publisher;
  /** For what goes round again. */
  readonly scheduler: Scheduler;
  /** Which deliveries are void. Followed on the connection that the deliveries come on. */
  readonly verdicts: Pick<Verdicts, 'isVoid' | 'knownFor' | 'dropped'>;
  /** Told what became of each message. */
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Handlers running at once. */
  readonly handlers: number;
  readonly retryPolicy: RetryPolicy;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** For what went well, a line for each message; default `logger`. */
  readonly messageLogger?: Logger;
}

/** Processes a target's deliveries. */
export interface Processing {
  readonly gate: Pick<Gate, 'held' | 'waiting' | 'running'>;
  /** Takes a delivery; resolves when it is out of hand. */
  take(delivery: Delivery): Promise<void>;
  /** Gives back what is not being handled; and from now on everything, if it is for good. */
  giveBack(forGood: boolean): void;
}

/** Held in memory at most this long, in milliseconds; what is further ahead goes back into the wheel. */
const LONGEST_HOLD_MS = 1_000;
/** A due message that found no free handler for this long, in milliseconds, goes back to its queue. */
const PATIENCE_MS = 200;
/** After so many it is given back no more: up to RabbitMQ 4.2 each counts towards the delivery limit of 20. */
export const MOST_RETURNS = 10;

/** What a handling came to, as it is counted. */
const OUTCOMES = { acknowledge: 'done', forward: 'retried', park: 'parked' } as const;

/**
 * Processes the deliveries of a target.
 *
 * @param onOverload a message found no free handler in time and goes back
 * @param onFree a handler is free again
 */
export function createProcessing(
  options: ProcessingOptions,
  onOverload: () => void,
  onFree: () => void,
): Processing {
  const { target, handler, verdicts, recorder, clock, handlers, retryPolicy, metrics, logger } = options;
  const { messageLogger = logger } = options;
  const repeats = createRepeats();
  const stopping = heardByMany();
  const carryOut = createCarryOut({ ...options, stopping: stopping.signal });
  const gate = createGate({
    ...{ clock, handlers, onOverload },
    longestHoldMs: LONGEST_HOLD_MS,
    patienceMs: PATIENCE_MS,
  });
  /** Aborted when what is in hand goes back to the queue. */
  let givingBack = heardByMany();

  function leave(): void {
    gate.leave();
    onFree();
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
    leave();
    return drop(delivery, message);
  }

  function passGate(delivery: Delivery, message: Message): Promise<Passage> {
    return gate.pass(message.dueAt, delivery.returns >= MOST_RETURNS);
  }

  /** False when the message goes back to its queue before that. */
  function verdictsKnown({ dueAt }: Message): Promise<boolean> {
    return verdicts.knownFor(dueAt, givingBack.signal).then(
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
    const outcome = await handler(message).finally(leave);
    const now = clock();
    const settlement = settlementOf(message, outcome, {
      policy: retryPolicy,
      now,
      startedAt,
      random: Math.random(),
    });
    const log = settlement.kind === 'acknowledge' ? messageLogger : logger;
    log[settlement.kind === 'park' ? 'warn' : 'info'](pastTense(settlement), {
      to: target,
      messageId: message.id,
      attempt: message.attempt,
      lateMs: startedAt - message.dueAt,
      tookMs: now - startedAt,
      ...(settlement.kind === 'forward' && { retryAt: isoTime(settlement.message.dueAt) }),
      ...(settlement.kind === 'park' && { reason: settlement.why.reason }),
      ...(outcome.kind !== 'done' && { error: outcome.error }),
    });
    metrics.handled(target, {
      outcome: OUTCOMES[settlement.kind],
      lateMs: startedAt - message.dueAt,
      tookMs: now - startedAt,
    });
    return carryOut(delivery, settlement, { message, startedAt });
  }

  return {
    gate,
    take,
    giveBack(forGood) {
      gate.sendBack(forGood);
      givingBack.abort();
      if (forGood) stopping.abort();
      else givingBack = heardByMany();
    },
  };
}

/** As many may listen as there are messages in hand. */
function heardByMany(): AbortController {
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
