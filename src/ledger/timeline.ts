/** What happened to a message, written down in numbers. */
import type { EntryKind, LedgerEntry } from './entry';
import type { LedgerRecord } from './record';

/** Something that happened to a message. */
export interface TimelineEvent {
  readonly event: EntryKind;
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** The attempt that this is about, from 1. */
  readonly attempt: number;
  /** When that attempt is or was due, in milliseconds since the epoch. */
  readonly dueAt: number;
}

/** Events other than the acceptance; a number stands for each, while the process runs. */
const EVENTS: readonly EntryKind[] = [
  'retried',
  'rescheduled',
  'redriven',
  'handled',
  'parked',
  'cancelled',
  'dropped',
];

/** Numbers before the first event. */
const HEAD = 3;
/** Numbers an event takes: attempt and kind in one, when it was, and when the attempt is due. */
const STRIDE = 3;
/** Events that are kept beside the acceptance: so many of the first, and so many of the latest. */
const FIRST_EVENTS = 9;
const LATEST_EVENTS = 40;

/** A timeline with one more event. Exactly as long as it has to be, which an array that is pushed to is not. */
export function withEvent(times: readonly number[], { kind, at, attempt, dueAt }: LedgerEntry): number[] {
  const event = [attempt * EVENTS.length + EVENTS.indexOf(kind), at, dueAt];
  const full = times.length >= HEAD + (FIRST_EVENTS + LATEST_EVENTS) * STRIDE;
  const left = HEAD + FIRST_EVENTS * STRIDE;
  const next = full ? times.slice(0, left).concat(times.slice(left + STRIDE), event) : times.concat(event);
  next[2] = Math.max(times[2] as number, dueAt);
  return next;
}

/** What happened to the message, its acceptance first; of many events the first 10 and the latest 40. */
export function timelineOf({ acceptedAt, firstDueAt, times }: LedgerRecord): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  if (acceptedAt !== undefined) {
    events.push({ event: 'accepted', at: acceptedAt, attempt: 1, dueAt: firstDueAt });
  }
  for (let i = HEAD; i < times.length; i += STRIDE) {
    const [code = 0, at = 0, dueAt = 0] = times.slice(i, i + STRIDE);
    const event = EVENTS[code % EVENTS.length] as EntryKind;
    events.push({ event, at, attempt: Math.floor(code / EVENTS.length), dueAt });
  }
  return events;
}
