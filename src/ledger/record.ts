/**
 * What is known of one message, and what each entry of the ledger makes of it. The rules look at the record, the claim
 * on its id and the entry, and at no clock: whoever reads the same entries comes to the same results.
 */
import type { EntryKind, LedgerEntry } from './entry';

/** All statuses; `due` is a `scheduled` whose time has come, which no entry says. */
export const STATUSES = ['scheduled', 'due', 'retrying', 'handled', 'parked', 'cancelled'] as const;

/** How far a message is. */
export type RecordStatus = (typeof STATUSES)[number];

/** Those of messages that are still to be handled. */
export const PENDING: readonly RecordStatus[] = ['scheduled', 'due', 'retrying'];

/** Those of messages that nothing more is to come of, unless somebody wants it. */
export const FINISHED: readonly RecordStatus[] = ['handled', 'parked', 'cancelled'];

/** A place in the order of what is due: by time, and by id where that is the same. */
export interface Place {
  /** In milliseconds since the epoch. */
  readonly dueAt: number;
  readonly id: string;
}

/** What is known of a message. There may be a million of them: all have the same fields in the same order. */
export interface LedgerRecord extends Place {
  readonly to: string;
  readonly status: RecordStatus;
  /** Which attempt `dueAt` and `status` are about, from 1. */
  readonly attempt: number;
  /** The delivery that counts. */
  readonly delivery: string;
  /** Where the stream has the message as it is now; undefined while no entry with it was seen. */
  readonly offset: number | undefined;
  /** In milliseconds since the epoch; undefined while only what followed from the acceptance was seen. */
  readonly acceptedAt: number | undefined;
  /** When it was due as it was accepted, in milliseconds since the epoch; until that was seen, when it was due as far as is known. */
  readonly firstDueAt: number;
  readonly key: string | undefined;
  readonly fingerprint: string | undefined;
  /** Why the latest attempt failed, unless it was handled since. */
  readonly error: string | undefined;
  /** How many deliveries are known that do not count. */
  readonly voided: number;
  /** When the last of all its deliveries is due, in milliseconds since the epoch. */
  readonly latestDueAt: number;
  /** What followed its acceptance; see timelineOf. */
  readonly timeline: readonly number[];
}

/** A record's fields that change. */
export type RecordChange = { -readonly [Field in Exclude<keyof LedgerRecord, 'id'>]?: LedgerRecord[Field] };

/** An id in somebody's hands, who is about to put this delivery into the wheel. */
export interface Claim {
  readonly delivery: string;
  /** In milliseconds since the epoch. */
  readonly at: number;
  /** How many deliveries lost to it that no record could note. */
  readonly voided: number;
  /** When the last of these is due, in milliseconds since the epoch; 0 for none. */
  readonly latestDueAt: number;
}

/** What an entry came to. `lost` is what came too late or has no right to the id: its delivery does not count. */
export type Applied = 'taken' | 'repeated' | 'lost';

/** What is known of an id when an entry about it comes. */
export interface Known {
  readonly record: LedgerRecord | undefined;
  /** The latest claim, live or not. */
  readonly claim: Claim | undefined;
  /** How long after its due time a finished message keeps its id, in milliseconds. */
  readonly idHoldMs: number;
}

/** What has to be done about an entry. */
export interface Ruling {
  readonly applied: Applied;
  /** A record to begin; it takes the place of one that is there. */
  readonly fresh?: LedgerRecord;
  /** What changes of the record that is there. */
  readonly change?: RecordChange;
  /** The claim from now on; null for none. Without it the claim stays what it is. */
  readonly claim?: Claim | null;
}

/** How long a claim keeps others from the id, in milliseconds. */
export const CLAIM_MS = 10_000;

/** Whether the message is still to be handled. */
export function isPending({ status }: LedgerRecord): boolean {
  return status === 'scheduled' || status === 'due' || status === 'retrying';
}

/** Whether nobody else can have the record's id at this time. */
export function holdsId(record: LedgerRecord, at: number, idHoldMs: number): boolean {
  return isPending(record) || at < record.dueAt + idHoldMs;
}

/** Whether a claim still counts at this time. */
export function isLive(claim: Claim | undefined, at: number): claim is Claim {
  return claim !== undefined && at < claim.at + CLAIM_MS;
}

/** Decides about an entry that the stream has at this offset. Pure. */
export function ruleOn(entry: LedgerEntry, offset: number, known: Known): Ruling {
  return RULES[entry.kind](entry, offset, known);
}

type Rule = (entry: LedgerEntry, offset: number, known: Known) => Ruling;

const LOST: Ruling = { applied: 'lost' };
const REPEATED: Ruling = { applied: 'repeated' };

const RULES: Readonly<Record<EntryKind, Rule>> = {
  accepted(entry, offset, known) {
    const { record, claim, idHoldMs } = known;
    if (record && isCurrent(record, entry)) return merged(entry, offset, record, claim);
    // Who won the claim was told so, whatever the clocks that the times are from.
    const taken =
      record && (isClaimant(claim, entry) ? isPending(record) : holdsId(record, entry.at, idHoldMs));
    if (taken || isClaimedByAnother(claim, entry)) return voided(entry, known);
    return { applied: 'taken', fresh: accept(entry, offset, claim), claim: null };
  },

  claimed(entry, _offset, { record, claim, idHoldMs }) {
    if (record && isCurrent(record, entry)) return REPEATED;
    const free =
      entry.from === undefined
        ? !record || !holdsId(record, entry.at, idHoldMs)
        : record !== undefined && record.delivery === entry.from && isPending(record);
    if (!free || isClaimedByAnother(claim, entry)) return LOST;
    const { delivery, at } = entry;
    const claimed = { delivery, at, voided: claim?.voided ?? 0, latestDueAt: claim?.latestDueAt ?? 0 };
    return { applied: 'taken', claim: claimed };
  },

  rescheduled(entry, offset, known) {
    const { record, claim } = known;
    if (record && isCurrent(record, entry)) return sameAgain(record, entry, offset);
    if (!record && !isClaimedByAnother(claim, entry)) return { ...begin(entry, offset), claim: null };
    if (!record || !isPending(record) || !isClaimant(claim, entry)) return voided(entry, known);
    return { ...schedule(record, entry, offset, { voided: record.voided + 1 }), claim: null };
  },

  retried(entry, offset, { record }) {
    if (!record) return begin(entry, offset);
    if (isCurrent(record, entry)) {
      if (entry.attempt <= record.attempt) return sameAgain(record, entry, offset);
      if (isPending(record)) return schedule(record, entry, offset, { error: entry.error });
    }
    return { applied: 'lost', change: { latestDueAt: latest(record, entry) } };
  },

  redriven(entry, offset, known) {
    const { record } = known;
    if (!record) return begin(entry, offset);
    // Perhaps how it ended is known before that it began.
    if (isCurrent(record, entry) && isSameAttempt(record, entry)) return sameAgain(record, entry, offset);
    if (record.status === 'parked') return schedule(record, entry, offset, { error: undefined });
    if (!isCurrent(record, entry)) return voided(entry, known);
    return { applied: 'lost', change: { latestDueAt: latest(record, entry) } };
  },

  handled: ended,
  parked: ended,

  cancelled(entry, _offset, { record, claim }) {
    if (!record) return isClaimedByAnother(claim, entry) ? LOST : begin(entry, undefined);
    if (!isCurrent(record, entry)) return LOST;
    if (record.status === 'cancelled') return REPEATED;
    if (!isPending(record) || isLive(claim, entry.at)) return LOST;
    return { applied: 'taken', change: { status: 'cancelled', timeline: withEvent(record.timeline, entry) } };
  },

  dropped(entry, _offset, { record }) {
    if (!record || !isCurrent(record, entry) || !isPending(record)) return REPEATED;
    return { applied: 'taken', change: { status: 'cancelled', timeline: withEvent(record.timeline, entry) } };
  },
};

/** How an attempt ended stands against everything else: it has happened. */
function ended(entry: LedgerEntry, _offset: number, { record }: Known): Ruling {
  if (!record) return begin(entry, undefined);
  const timeline = withEvent(record.timeline, entry);
  if (!isCurrent(record, entry)) return { applied: 'lost', change: { timeline } };
  if (record.status === entry.kind && entry.dueAt <= record.dueAt) return REPEATED;
  const { attempt, dueAt } = entry;
  const status = statusAfter(entry);
  const error = entry.kind === 'parked' ? entry.error : undefined;
  return {
    applied: 'taken',
    change: { status, dueAt, attempt, error, latestDueAt: latest(record, entry), timeline },
  };
}

/** The wheel has a delivery of the message that counts from now on. */
function schedule(record: LedgerRecord, entry: LedgerEntry, offset: number, more: RecordChange): Ruling {
  const { dueAt, attempt } = entry;
  const change: RecordChange = {
    ...more,
    status: statusAfter(entry),
    dueAt,
    attempt,
    delivery: shared(entry.delivery, record.id),
    offset,
    latestDueAt: latest(record, entry),
    timeline: withEvent(record.timeline, entry),
  };
  if (attempt === 1) change.error = undefined;
  return { applied: 'taken', change };
}

/** An acceptance may be noted after what followed from it, and may be written again. */
function merged(entry: LedgerEntry, offset: number, record: LedgerRecord, claim: Claim | undefined): Ruling {
  const { key = entry.key, fingerprint = entry.fingerprint } = record;
  const change: RecordChange = { key, fingerprint };
  if (record.offset === undefined || isSameAttempt(record, entry)) change.offset = offset;
  const first = record.acceptedAt === undefined;
  if (first) {
    change.acceptedAt = entry.at;
    change.firstDueAt = entry.dueAt;
    change.latestDueAt = latest(record, entry);
  }
  return {
    applied: first ? 'taken' : 'repeated',
    change,
    ...(isClaimant(claim, entry) && { claim: null }),
  };
}

/** What an entry that was written again changes: the message can be read there, too. */
function sameAgain(record: LedgerRecord, entry: LedgerEntry, offset: number): Ruling {
  return isSameAttempt(record, entry) ? { applied: 'repeated', change: { offset } } : REPEATED;
}

/** The entry's delivery is in the wheel and does not count. */
function voided(entry: LedgerEntry, { record, claim }: Known): Ruling {
  const noted = record ?? claim;
  if (!noted) return LOST;
  const change = { voided: noted.voided + 1, latestDueAt: latest(noted, entry) };
  return record
    ? { applied: 'lost', change }
    : { applied: 'lost', claim: { ...(claim as Claim), ...change } };
}

const isCurrent = (record: LedgerRecord, entry: LedgerEntry) => record.delivery === entry.delivery;

const isClaimant = (claim: Claim | undefined, entry: LedgerEntry) => claim?.delivery === entry.delivery;

const isClaimedByAnother = (claim: Claim | undefined, entry: LedgerEntry) =>
  isLive(claim, entry.at) && !isClaimant(claim, entry);

const isSameAttempt = (record: LedgerRecord, { attempt, dueAt }: LedgerEntry) =>
  record.attempt === attempt && record.dueAt === dueAt;

const latest = ({ latestDueAt }: LedgerRecord | Claim, { dueAt }: LedgerEntry) =>
  Math.max(latestDueAt, dueAt);

/** One string instead of two that are equal: most deliveries have their message's id for a name. */
const shared = (delivery: string, id: string) => (delivery === id ? id : delivery);

function statusAfter({ kind, attempt }: LedgerEntry): RecordStatus {
  if (kind === 'handled' || kind === 'parked' || kind === 'cancelled') return kind;
  return attempt === 1 ? 'scheduled' : 'retrying';
}

/** A new message. */
function accept(entry: LedgerEntry, offset: number, claim: Claim | undefined): LedgerRecord {
  return newRecord(entry, offset, entry.at, claim);
}

/** A message that was accepted before everything that is known: later, or in a part of the stream that is gone. */
function begin(entry: LedgerEntry, offset: number | undefined): Ruling {
  return { applied: 'taken', fresh: newRecord(entry, offset, undefined, undefined) };
}

function newRecord(
  entry: LedgerEntry,
  offset: number | undefined,
  acceptedAt: number | undefined,
  claim: Claim | undefined,
): LedgerRecord {
  const { id, to, dueAt, attempt, delivery, key, fingerprint, error } = entry;
  return {
    id,
    to,
    status: statusAfter(entry),
    dueAt,
    attempt,
    delivery: shared(delivery, id),
    offset,
    acceptedAt,
    firstDueAt: dueAt,
    key,
    fingerprint,
    error,
    voided: claim?.voided ?? 0,
    latestDueAt: Math.max(dueAt, claim?.latestDueAt ?? 0),
    timeline: acceptedAt === undefined ? withEvent(NO_EVENTS, entry) : NO_EVENTS,
  };
}

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

/** What a number in a timeline stands for: these must not change places while a process runs, nothing else. */
const EVENTS: readonly EntryKind[] = [
  'retried',
  'rescheduled',
  'redriven',
  'handled',
  'parked',
  'cancelled',
  'dropped',
];

const NO_EVENTS: readonly number[] = [];

/** Numbers an event takes: attempt and kind in one, when it was, and when the attempt is due. */
const STRIDE = 3;
/** Events kept beside the acceptance: the first and the latest. */
const FIRST_EVENTS = 9;
const LATEST_EVENTS = 40;

/** Exactly as long as it has to be, which an array that is pushed to is not. */
function withEvent(
  timeline: readonly number[],
  { kind, at, attempt, dueAt }: LedgerEntry,
): readonly number[] {
  const event = [attempt * EVENTS.length + EVENTS.indexOf(kind), at, dueAt];
  if (timeline.length === 0) return event;
  if (timeline.length < (FIRST_EVENTS + LATEST_EVENTS) * STRIDE) return timeline.concat(event);
  return timeline.slice(0, FIRST_EVENTS * STRIDE).concat(timeline.slice((FIRST_EVENTS + 1) * STRIDE), event);
}

/** What happened to the message, in order, its acceptance first; of many events the first 10 and the latest 40. */
export function timelineOf({ acceptedAt, firstDueAt, timeline }: LedgerRecord): TimelineEvent[] {
  const events: TimelineEvent[] = [];
  if (acceptedAt !== undefined)
    events.push({ event: 'accepted', at: acceptedAt, attempt: 1, dueAt: firstDueAt });
  for (let i = 0; i < timeline.length; i += STRIDE) {
    const [code = 0, at = 0, dueAt = 0] = timeline.slice(i, i + STRIDE);
    const event = EVENTS[code % EVENTS.length];
    if (event) events.push({ event, at, attempt: Math.floor(code / EVENTS.length), dueAt });
  }
  return events;
}
