/** One log line for each message that the API has accepted, whichever route took it. An answer that is repeated is none. */
import { isoTime } from '../clock';
import type { Logger } from '../logger';
import type { Scheduler } from '../scheduler';

/** The scheduler, but what it has accepted is logged, with the request that brought it. */
export function logAccepted(scheduler: Scheduler, logger: Logger): Scheduler {
  return {
    ...scheduler,
    async schedule(request) {
      const message = await scheduler.schedule(request);
      logger.info('accepted', {
        messageId: message.id,
        to: message.to,
        delayMs: message.dueAt - message.acceptedAt,
        dueAt: isoTime(message.dueAt),
        ...request.askedBy,
      });
      return message;
    },
  };
}
