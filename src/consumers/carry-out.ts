/** Carrying out what was decided of a message, for as long as it takes: published and confirmed first, then acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Publisher } from '../amqp/publisher';
import type { Delivery } from '../amqp/subscription';
import type { Clock } from '../clock';
import { isPublishError, messageOf } from '../errors';
import type { Logger } from '../logger';
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
  readonly clock: Clock;
  /** Once it is aborted, what fails is not tried again here but given back to the queue. */
  readonly stopping: AbortSignal;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Publishes what follows, then acknowledges. False when the broker will deliver the message again. */
export type CarryOut = (delivery: Delivery, settlement: Settlement) => Promise<boolean>;

const RETRY_DELAY_MS = 200;
const LONGEST_RETRY_DELAY_MS = 5_000;

/** Carries out a target's settlements; what cannot be published is tried again until it can. */
export function createCarryOut(options: CarryOutOptions): CarryOut {
  const { target, publisher, scheduler, clock, stopping, metrics, logger } = options;
  return async (delivery, decided) => {
    let settlement = decided;
    for (let waitMs = RETRY_DELAY_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_DELAY_MS)) {
      try {
        if (settlement.kind === 'forward') await scheduler.forward(settlement.message);
        if (settlement.kind === 'park') {
          await park({ publisher, clock }, target, delivery, settlement.why);
          metrics.parked(target, settlement.why.reason);
        }
        delivery.ack();
        return true;
      } catch (error) {
        logger.warn('not settled yet', { to: target, settlement: settlement.kind, error: messageOf(error) });
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
