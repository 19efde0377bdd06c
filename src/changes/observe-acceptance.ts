/** What the API accepts and what it cannot, counted and traced around the scheduler that does it. */
import { DelayBrokerError } from '../errors';
import type { Metrics } from '../metrics';
import type { Scheduler } from '../scheduler';
import { TARGET_NAMES } from '../targets';
import { NO_TRACING, type Tracing } from '../tracing';

/** Options of observeAcceptance. */
export interface ObserveAcceptanceOptions {
  readonly scheduler: Scheduler;
  readonly metrics: Metrics;
  /** Default no spans. */
  readonly tracing?: Tracing;
}

/** Why a valid message may not be accepted: the codes of what Publisher.publish throws. */
const REASONS = ['broker_unavailable', 'publish_refused', 'outcome_unknown'];

/** The same scheduler, whose new messages are counted and traced. */
export function observeAcceptance({
  scheduler,
  metrics,
  tracing = NO_TRACING,
}: ObserveAcceptanceOptions): Scheduler {
  metrics.expectMessages(TARGET_NAMES, REASONS);
  return {
    ...scheduler,
    async schedule(request) {
      try {
        const message = await tracing.accept(
          request,
          (trace) => scheduler.schedule({ ...request, trace }),
          ({ id }) => ({ attributes: { 'messaging.message.id': id } }),
        );
        metrics.accepted(request.to);
        return message;
      } catch (error) {
        metrics.refused(request.to, error instanceof DelayBrokerError ? error.code : 'unexpected');
        throw error;
      }
    },
  };
}
