/** From an outcome to what becomes of the message: decided here, carried out by the runtime. */
import type { Message } from '../message';
import type { ParkReason } from '../parking';
import { backoffMs, type RetryPolicy } from './backoff';
import type { Outcome } from './outcome';

/** What becomes of a message that was handled. */
export type Settlement =
  | { readonly kind: 'acknowledge'; readonly tell?: () => Promise<void> }
  | { readonly kind: 'forward'; readonly message: Message; readonly error?: string }
  | { readonly kind: 'park'; readonly why: ParkReason };

/** What a settlement depends on beside message and outcome. */
export interface SettleContext {
  /** The target's; what the message says of its own retries goes before it. */
  readonly policy: RetryPolicy;
  /** The time now, in milliseconds since the epoch. */
  readonly now: number;
  /** When this attempt began, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** A number from 0 up to 1, for the jitter. */
  readonly random: number;
}

/** Decides what becomes of a message. */
export function settlementOf(message: Message, outcome: Outcome, context: SettleContext): Settlement {
  const { policy, now, startedAt, random } = context;
  if (outcome.kind === 'done') return { kind: 'acknowledge', ...(outcome.tell && { tell: outcome.tell }) };

  const attempts = {
    attempts: message.attempt,
    firstAttemptAt: message.first?.at ?? startedAt,
    lastAttemptAt: startedAt,
  };
  if (outcome.kind === 'reject') {
    return { kind: 'park', why: { reason: 'rejected', error: outcome.error, ...attempts } };
  }
  const waitMs = backoffMs({ ...policy, ...message.retry }, message.attempt, random, outcome.notBeforeMs);
  if (waitMs === undefined) {
    return { kind: 'park', why: { reason: 'attempts exhausted', error: outcome.error, ...attempts } };
  }
  const first = message.first ?? { dueAt: message.dueAt, at: startedAt };
  const next = { ...message, dueAt: now + waitMs, attempt: message.attempt + 1, first };
  return { kind: 'forward', message: next, error: outcome.error };
}
