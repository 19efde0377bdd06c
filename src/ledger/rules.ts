/**
 * What each entry of the ledger makes of what is known. The rules look at the record, the claim on its id and the entry,
 * and at no clock: whoever reads the same entries comes to the same results.
 */
import type { EntryKind, LedgerEntry } from './entry';
import {
  CompactRecord,
  isPending,
  type LedgerRecord,
  type RecordChange,
  shared,
  statusAfter,
} from './record';
import { withEvent } from './timeline';

/** An id in somebody's hands, who is about to put this delivery into the wheel. */
export interface Claim {
  readonly delivery: string;
  /** In milliseconds since the epoch. */
  readonly at: number;
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
    if (record && taken) return voided(entry, record);
    // Also before somebody's claim: the wheel has this message, and of a claim nothing may come.
    return { applied: 'taken', fresh: accept(entry, offset), claim: null };
  },

  claimed(entry, _offset, { record, claim, idHoldMs }) {
    if (record && isCurrent(record, entry)) return REPEATED;
    const free =
      entry.from === undefined
        ? !record || !holdsId(record, entry.at, idHoldMs)
        : record !== undefined && record.delivery === entry.from && isPending(record);
    if (!free || isClaimedByAnother(claim, entry)) return LOST;
    const { delivery, at } = entry;
    const taken: Ruling = { applied: 'taken', claim: { delivery, at } };
    if (!record || entry.from === undefined || isClaimant(claim, entry)) return taken;
    // From now on the wheel may have another delivery, whether it is heard of again or not.
    return { ...taken, change: { voided: record.voided + 1, latestDueAt: latest(record, entry) } };
  },

  rescheduled(entry, offset, known) {
    const { record, claim } = known;
    if (record && isCurrent(record, entry)) return sameAgain(record, entry, offset);
    if (!record && !isClaimedByAnother(claim, entry)) return { ...begin(entry, offset), claim: null };
    if (!record) return LOST;
    if (!isPending(record) || !isClaimant(claim, entry)) return voided(entry, record);
    return { ...schedule(record, entry, offset), claim: null };
  },

  retried(entry, offset, { record }) {
    if (!record) return begin(entry, offset);
    if (isCurrent(record, entry)) {
      if (entry.attempt <= record.attempt) return sameAgain(record, entry, offset);
      if (isPending(record)) return schedule(record, entry, offset);
    }
    return { applied: 'lost', change: { latestDueAt: latest(record, entry) } };
  },

  redriven(entry, offset, known) {
    const { record } = known;
    if (!record) return begin(entry, offset);
    // Perhaps how it ended is known before that it began.
    if (isCurrent(record, entry) && isSameAttempt(record, entry)) return sameAgain(record, entry, offset);
    if (record.status === 'parked') return schedule(record, entry, offset);
    if (!isCurrent(record, entry)) return voided(entry, record);
    return { applied: 'lost', change: { latestDueAt: latest(record, entry) } };
  },

  handled: ended,
  parked: ended,

  cancelled(entry, _offset, { record, claim }) {
    if (!record) return isClaimedByAnother(claim, entry) ? LOST : begin(entry, undefined);
    if (!isCurrent(record, entry)) return LOST;
    if (record.status === 'cancelled') return REPEATED;
    if (!isPending(record) || isLive(claim, entry.at)) return LOST;
    return { applied: 'taken', change: { status: 'cancelled', times: withEvent(record.times, entry) } };
  },

  dropped(entry, _offset, { record }) {
    if (!record || !isCurrent(record, entry) || !isPending(record)) return REPEATED;
    return { applied: 'taken', change: { status: 'cancelled', times: withEvent(record.times, entry) } };
  },
};

/** How an attempt ended stands against everything else: it has happened. */
function ended(entry: LedgerEntry, _offset: number, { record }: Known): Ruling {
  if (!record) return begin(entry, undefined);
  const times = withEvent(record.times, entry);
  if (!isCurrent(record, entry)) return { applied: 'lost', change: { times } };
  if (record.status === entry.kind && entry.dueAt <= record.dueAt) return REPEATED;
  const { attempt, dueAt } = entry;
  const [status, error] = [statusAfter(entry), errorAfter(entry, record)];
  return { applied: 'taken', change: { status, dueAt, attempt, error, times } };
}

/** The wheel has a delivery of the message that counts from now on. */
function schedule(record: LedgerRecord, entry: LedgerEntry, offset: number): Ruling {
  const { dueAt, attempt } = entry;
  return {
    applied: 'taken',
    change: {
      status: statusAfter(entry),
      dueAt,
      attempt,
      delivery: shared(entry.delivery, record.id),
      offset,
      error: errorAfter(entry, record),
      times: withEvent(record.times, entry),
    },
  };
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
function voided(entry: LedgerEntry, record: LedgerRecord): Ruling {
  return {
    applied: 'lost',
    change: { voided: record.voided + 1, latestDueAt: latest(record, entry) },
  };
}

const isCurrent = (record: LedgerRecord, entry: LedgerEntry) => record.delivery === entry.delivery;

const isClaimant = (claim: Claim | undefined, entry: LedgerEntry) => claim?.delivery === entry.delivery;

const isClaimedByAnother = (claim: Claim | undefined, entry: LedgerEntry) =>
  isLive(claim, entry.at) && !isClaimant(claim, entry);

const isSameAttempt = (record: LedgerRecord, { attempt, dueAt }: LedgerEntry) =>
  record.attempt === attempt && record.dueAt === dueAt;

const latest = ({ latestDueAt }: LedgerRecord, { dueAt }: LedgerEntry) => Math.max(latestDueAt, dueAt);

function errorAfter({ kind, attempt, error }: LedgerEntry, record: LedgerRecord): string | undefined {
  if (kind === 'retried' || kind === 'parked') return error;
  return kind === 'handled' || attempt === 1 ? undefined : record.error;
}

/** A new message. */
function accept(entry: LedgerEntry, offset: number): LedgerRecord {
  return new CompactRecord(entry, offset, 0, [entry.at, entry.dueAt, entry.dueAt]);
}

/** A message that was accepted before everything that is known: its acceptance comes later, or is gone from the stream. */
function begin(entry: LedgerEntry, offset: number | undefined): Ruling {
  const times = withEvent([Number.NaN, entry.dueAt, entry.dueAt], entry);
  return { applied: 'taken', fresh: new CompactRecord(entry, offset, 0, times) };
}
