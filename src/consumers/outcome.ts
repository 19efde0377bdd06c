/** What came of handling a message, as a value: the runtime settles it, the handler never sees a channel. */

/** See done, doneOnceTold, retry and reject. */
export type Outcome =
  | { readonly kind: 'done'; readonly tell?: () => Promise<void> }
  | { readonly kind: 'retry'; readonly error: string; readonly notBeforeMs?: number }
  | { readonly kind: 'reject'; readonly error: string };

/** Handled; the message is acknowledged. */
export const done: Outcome = { kind: 'done' };

/**
 * Handled, and whoever wants to know is to be told before the message is acknowledged.
 *
 * @param tell publishes, and resolves once that is confirmed; called again until it does, without handling the message again
 */
export const doneOnceTold = (tell: () => Promise<void>): Outcome => ({ kind: 'done', tell });

/**
 * Failed for now; tried again after a while, at last parked. `error` says why, for people.
 *
 * @param notBeforeMs least wait before the next attempt, in milliseconds, where the callee asked for one
 */
export const retry = (error: string, notBeforeMs?: number): Outcome => ({
  kind: 'retry',
  error,
  ...(notBeforeMs !== undefined && { notBeforeMs }),
});

/** Failed for good; parked at once. `error` says why, for people. */
export const reject = (error: string): Outcome => ({ kind: 'reject', error });
