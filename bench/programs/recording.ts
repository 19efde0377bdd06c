/** What a consumer's handlers note: how late each message was, whether any was early, and whether any came twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FineClock } from '../fine-clock';
import type { Handle } from '../techniques/technique';

/** What handlers do beside recording. */
export interface Work {
  /** How long each handling waits, as for an answer; 0 for not at all. */
  readonly waitMs: number;
  /** How many attempts of each message fail before one succeeds. */
  readonly failures: number;
}

/** What was noted since the last reset. */
export interface Recorded {
  /** Messages that were handled to the end, copies not counted. */
  readonly handled: number;
  /** Handlings that were begun. */
  readonly attempts: number;
  /** Further successful handlings of messages that had been handled. */
  readonly copies: number;
  /** First attempts that began before the due time, by the machine's clock. */
  readonly early: number;
  /** From due time to the handler's first line, of each first attempt, in milliseconds. */
  readonly latenessMs: Float64Array;
  /** When the last handling ended, in milliseconds since the epoch; 0 when there was none. */
  readonly lastAt: number;
  /** See FineClock. */
  readonly driftMs: number;
}

/** Records handlings. */
export interface Recording {
  readonly handle: Handle;
  /** Messages handled so far. */
  count(): number;
  taken(): Recorded;
  /** Begins anew. */
  reset(): void;
}

/** A recording of handlings that do this work. */
export function createRecording({ waitMs, failures }: Work, clock: FineClock): Recording {
  let latenessMs: number[] = [];
  /** Attempts of each message, by its number. */
  let attemptsOf = new Map<number, number>();
  let [handled, attempts, copies, early, lastAt] = [0, 0, 0, 0, 0];

  return {
    async handle({ payload, dueAt }) {
      const isEarly = Date.now() < dueAt;
      const at = clock.now();
      const { n } = payload.body;
      const attempt = (attemptsOf.get(n) ?? 0) + 1;
      attemptsOf.set(n, attempt);
      attempts++;
      if (attempt === 1) {
        latenessMs.push(at - dueAt);
        if (isEarly) early++;
      }
      if (waitMs > 0) await sleep(waitMs);
      if (attempt <= failures) throw new Error('fails on purpose');
      if (attempt > failures + 1) copies++;
      else handled++;
      lastAt = clock.now();
    },
    count: () => handled,
    taken: () => ({
      ...{ handled, attempts, copies, early, lastAt },
      latenessMs: Float64Array.from(latenessMs),
      driftMs: clock.driftMs(),
    }),
    reset() {
      latenessMs = [];
      attemptsOf = new Map();
      [handled, attempts, copies, early, lastAt] = [0, 0, 0, 0, 0];
    },
  };
}
