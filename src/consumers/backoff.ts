/** When a failed message is tried again: exponential backoff with full jitter, so that retries spread out. */

/** How often and how far apart. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  /** Upper bound of the first wait, in milliseconds. */
  readonly baseMs: number;
  /** How much the upper bound grows with each attempt. */
  readonly factor: number;
  /** The bound grows no further than this, in milliseconds. */
  readonly capMs: number;
}

/** Longest wait that a callee can ask for, in milliseconds: a day. */
const LONGEST_ASKED_WAIT_MS = 86_400_000;

/**
 * How long to wait after a failed attempt, in milliseconds; undefined when it was the last.
 *
 * @param attempt the attempt that failed, from 1
 * @param random a number from 0 up to 1
 * @param notBeforeMs what the callee asked for, beyond the cap if it likes, but at most a day; default nothing
 */
export function backoffMs(
  policy: RetryPolicy,
  attempt: number,
  random: number,
  notBeforeMs = 0,
): number | undefined {
  if (attempt >= policy.maxAttempts) return undefined;
  // The factor's power may be infinite, and zero times that is no number.
  const boundMs =
    policy.baseMs === 0 ? 0 : Math.min(policy.capMs, policy.baseMs * policy.factor ** (attempt - 1));
  return Math.max(Math.floor(random * boundMs), Math.min(notBeforeMs, LONGEST_ASKED_WAIT_MS));
}
