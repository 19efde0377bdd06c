/** What came of handling a message, as a value: the runtime settles it, the handler never sees a channel. */

/** See done, retry and reject. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly error: string }
  | { readonly kind: 'reject'; readonly error: string };

/** Handled; the message is acknowledged. */
export const done: Outcome = { kind: 'done' };

/** Failed for now; tried again after a while, then parked. `error` says why, for people. */
export const retry = (error: string): Outcome => ({ kind: 'retry', error });

/** Failed for good; parked at once. `error` says why, for people. */
export const reject = (error: string): Outcome => ({ kind: 'reject', error });
