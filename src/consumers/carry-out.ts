/** Carrying out what was decided of a message, for as long as it takes: published and confirmed first, then acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from '../amqp/publisher';
import type { Delivery } from '../amqp/subscription';
import type { Clock } from '../clock';
import { isPublishError, messageOf } from '../errors';
import type { Recorder } from '../ledger/recorder';
import type { Logger } from '../logger';
import type { Message } from '../message';
import type { Metrics } from '../metrics';
import { park } from '../parking';
import type { Scheduler } from '../scheduler';
import type { Settlement } from './settle';

/** What it takes to carry out a settlement. */
export interface CarryOutOptions {
  readonly target: string;
  /** For what is set aside. */
  readonly publisher: Publisher;
  /** For what goes round again. */
  readonly scheduler: Scheduler;
  /** Told what became of each message. */
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Once it is aborted, what fails is not tried again here but given back to the queue. */
  readonly stopping: AbortSignal;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** An attempt that was made. */
export interface Handled {
  readonly message: Message;
  /** When its handler began, in milliseconds since the epoch. */
  readonly startedAt: number;
}

/**
 * Publishes what follows, has it recorded, then acknowledges. False when the broker will deliver the message again.
 *
 * @param handled what was handled; none where nothing was: for what is malformed, or too early
 */
export type CarryOut = (delivery: Delivery, settlement: Settlement, handled?: Handled) => Promise<boolean>;

const RETRY_DELAY_MS = 200;
const LONGEST_RETRY_DELAY_MS = 5_000;

/** Carries out a target's settlements; what cannot be published is tried again until it can. */
export function createCarryOut(options: CarryOutOptions): CarryOut {
  const { target, publisher, scheduler, recorder, clock, stopping, metrics, logger } = options;
  return async (delivery, decided, handled) => {
    let settlement = decided;
    for (let waitMs = RETRY_DELAY_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_DELAY_MS)) {
      try {
        if (settlement.kind === 'acknowledge') await settlement.tell?.();
        if (settlement.kind === 'forward') await scheduler.forward(settlement.message);
        if (settlement.kind === 'park') {
          await park({ publisher, clock }, target, delivery, settlement.why);
          metrics.parked(target, settlement.why.reason);
        }
        if (handled) await record(recorder, handled, settlement, clock());
        delivery.ack();
        return true;
      } catch (error) {
        logger.warn('not settled yet', {
          to: target,
          messageId: delivery.properties.messageId,
          settlement: settlement.kind,
          error: messageOf(error),
        });
        if (settlement.kind === 'forward' && !isPublishError(error)) {
          // No place in the wheel, for a due time in a thousand years for instance: that does not pass.
          settlement = { kind: 'park', why: { reason: 'malformed', error: messageOf(error) } };
          continue;
        }
        await sleep(waitMs, undefined, { signal: stopping }).catch(() => {});
        if (delivery.lost() || stopping.aborted) {
          delivery.requeue();
          return false;
        }
      }
    }
  };
}

function record(
  recorder: Recorder,
  { message, startedAt }: Handled,
  settlement: Settlement,
  at: number,
): Promise<void> {
  const { id, to, delivery, attempt, dueAt } = message;
  const entry = { id, to, delivery, attempt, dueAt, at };
  if (settlement.kind === 'acknowledge') return recorder.record({ ...entry, kind: 'handled', startedAt });
  if (settlement.kind === 'park')
    return recorder.record({ ...entry, kind: 'parked', error: settlement.why.error });
  const { message: next, error = '' } = settlement;
  return recorder.record(
    { ...entry, kind: 'retried', attempt: next.attempt, dueAt: next.dueAt, error },
    next,
  );
}
