/** What starts must end: in reverse order, within a deadline, on SIGTERM and SIGINT. */
import { messageOf } from './errors';
import type { Logger } from './logger';

/** Ends something that was started, within the time given; false when that did not suffice. */
export type Ending = (timeoutMs: number) => Promise<boolean>;

/** Collects how each started part ends. */
export interface Lifecycle {
  /** Notes how something that has just started ends; a close that needs no deadline counts as in time. */
  onEnd(end: Ending | (() => Promise<void> | void)): void;
  /** Ends everything, the last started first; false when something was not finished in time. */
  end(timeoutMs: number): Promise<boolean>;
}

/** A lifecycle in which nothing has started yet. */
export function createLifecycle(logger: Logger): Lifecycle {
  const endings: Parameters<Lifecycle['onEnd']>[0][] = [];
  return {
    onEnd: (end) => void endings.unshift(end),
    async end(timeoutMs) {
      const giveUpAt = performance.now() + timeoutMs;
      let inTime = true;
      for (const end of endings.splice(0)) {
        try {
          if ((await end(Math.max(0, giveUpAt - performance.now()))) === false) inTime = false;
        } catch (error) {
          logger.warn('not ended cleanly', { error: messageOf(error) });
          inTime = false;
        }
      }
      return inTime;
    },
  };
}

/** Beyond the deadline, for what does not keep to it, in milliseconds. */
const OVERTIME_MS = 2_000;

/**
 * Ends the process on SIGTERM or SIGINT: exit code 0 when everything ended in time, else 1. A second
 * signal ends it at once.
 *
 * @param timeoutMs how long everything together may take
 */
export function endOnSignal(lifecycle: Lifecycle, timeoutMs: number, logger: Logger): void {
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info('stopping', { signal });
    setTimeout(() => process.exit(1), timeoutMs + OVERTIME_MS);
    const inTime = await lifecycle.end(timeoutMs);
    logger.info('stopped', { inTime });
    process.exit(inTime ? 0 : 1);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}
