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

/** Ten attempts over about a quarter of an hour. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxAttempts: 10,
  baseMs: 2_000,
  factor: 2,
  capMs: 600_000,
};

/**
 * How long to wait after a failed attempt, in milliseconds; undefined when it was the last.
 *
 * @param attempt the attempt that failed, from 1
 * @param random a number from 0 up to 1
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random = Math.random()): number | undefined {
  if (attempt >= policy.maxAttempts) return undefined;
  return Math.floor(random * Math.min(policy.capMs, policy.baseMs * policy.factor ** (attempt - 1)));
}
