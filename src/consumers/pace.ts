/** How long handlers take, lately: from it follows how many of them will be free within a moment. */
import type { GuardedHandler } from './handler';

/** The pace of a target's handlers in this process. */
export interface Pace {
  /** The same handler; each of its runs counts. */
  measured(handler: GuardedHandler): GuardedHandler;
  /** How many of the runs under way and to come will end within so many milliseconds; none while nothing is known. */
  endingWithin(ms: number): number;
  /** Somebody waited in vain: handlers take longer than they did, and nothing is known until the next run has ended. */
  forget(): void;
}

/** The weight of the latest run. A single one that takes seconds says enough: whoever was taken for it would wait in vain. */
const WEIGHT = 1 / 8;

/** Nothing is known yet. `clock` in milliseconds, one that is never put back. */
export function createPace(handlers: number, clock = () => performance.now()): Pace {
  let typicalMs: number | undefined;
  return {
    measured: (handler) => async (message) => {
      const startedAt = clock();
      try {
        return await handler(message);
      } finally {
        const tookMs = clock() - startedAt;
        typicalMs = typicalMs === undefined ? tookMs : typicalMs + (tookMs - typicalMs) * WEIGHT;
      }
    },
    endingWithin: (ms) => (typicalMs === undefined ? 0 : Math.floor((handlers * ms) / typicalMs)),
    forget() {
      typicalMs = undefined;
    },
  };
}
