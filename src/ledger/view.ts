/**
 * The ledger as a process keeps it in memory: a record for each message, within bounds, made of the stream's entries
 * alone. Every process that has read the same entries has the same view; only `due` is a matter of its own clock.
 */
import type { Clock } from '../clock';
import type { LedgerEntry } from './entry';
import { createListing, type ListFilter, type Listing, type Page, type StatusCounts } from './listing';
import { FINISHED, type LedgerRecord, PENDING, type Place } from './record';
import { type Applied, type Claim, holdsId, isLive, ruleOn } from './rules';

/** What is known of all messages. Records that it gives away are its own: the next entry may change them. */
export interface LedgerView {
  /** Takes the next entry of the stream, which has it at this offset. */
  apply(entry: LedgerEntry, offset: number): Applied;
  /** What is known of a message; undefined for one that never was, or had to make room. */
  get(id: string): LedgerRecord | undefined;
  /** Whether a message has this id at this time, so that no other one can. */
  isHeld(id: string, at: number): boolean;
  /** The claim that keeps others from this id at this time. */
  claimOf(id: string, at: number): Claim | undefined;
  list(filter: ListFilter): Page;
  /** How many messages there are, by target and status. */
  counts(): Readonly<Record<string, StatusCounts>>;
  /** The next so many that are to be handled, the soonest first; those that are due already are among them. */
  nextDue(most: number): LedgerRecord[];
  /**
   * Those still to be handled that the stream has at this offset or before, in slices that each take about a
   * millisecond and may be empty. Entries may be applied between two slices.
   */
  pendingUpTo(offset: number): Iterable<readonly LedgerRecord[]>;
  /** See LedgerViewOptions. */
  readonly limit: number;
  /** How many records there are. */
  size(): number;
  /** How many records had to make room since the start. */
  evicted(): number;
  /** Whether each new record takes the room of another. */
  full(): boolean;
}

/** Options of createLedgerView. Processes agree only if they have the same `limit` and `idHoldMs`. */
export interface LedgerViewOptions {
  /**
   * Records at most. Beyond, finished messages make room, first those that no longer hold their id, parked ones last,
   * in the order of their due time; and then those due last.
   */
  readonly limit: number;
  /** How long after its due time a finished message keeps its id, in milliseconds. */
  readonly idHoldMs: number;
  /** Says what is due; nothing else goes by it. */
  readonly clock: Clock;
}

/** Looked at for one slice of pendingUpTo. */
const SLICE = 1_000;

/** An empty view. */
export function createLedgerView({ limit, idHoldMs, clock }: LedgerViewOptions): LedgerView {
  const records = new Map<string, LedgerRecord>();
  const claims = createClaims();
  const listing = createListing();
  let evicted = 0;

  const forget = (record: LedgerRecord) => {
    records.delete(record.id);
    listing.remove(record);
  };

  const begin = (record: LedgerRecord, at: number) => {
    const before = records.get(record.id);
    if (before) forget(before);
    records.set(record.id, record);
    listing.add(record);
    while (records.size > limit) {
      const leaving = firstToGo(listing, at, idHoldMs);
      if (!leaving) return;
      forget(leaving);
      evicted++;
    }
  };

  /** The listing once it says what is due by now. */
  const current = () => {
    listing.promote(clock());
    return listing;
  };

  return {
    limit,
    apply(entry, offset) {
      const { id, at } = entry;
      const record = records.get(id);
      const { applied, fresh, change, claim } = ruleOn(entry, offset, {
        record,
        claim: claims.get(id),
        idHoldMs,
      });
      if (fresh) begin(fresh, at);
      else if (record && change) listing.change(record, change);
      if (claim !== undefined) claims.put(id, claim, at);
      return applied;
    },
    get(id) {
      const record = records.get(id);
      if (record?.status === 'scheduled' && record.dueAt <= clock())
        listing.change(record, { status: 'due' });
      return record;
    },
    isHeld(id, at) {
      const record = records.get(id);
      return record !== undefined && holdsId(record, at, idHoldMs);
    },
    claimOf(id, at) {
      const claim = claims.get(id);
      return isLive(claim, at) ? claim : undefined;
    },
    list: (filter) => current().page(filter),
    counts: () => current().counts(),
    nextDue: (most) => current().page({ status: PENDING, limit: most }).records,
    *pendingUpTo(offset) {
      let after: Place | undefined;
      do {
        const { records, next } = listing.page({ status: PENDING, limit: SLICE, after });
        after = next;
        yield records.filter((record) => record.offset !== undefined && record.offset <= offset);
      } while (after);
    },
    size: () => records.size,
    evicted: () => evicted,
    full: () => records.size >= limit,
  };
}

/** Who makes room. It follows from the entries alone, as everything else would differ with it. */
function firstToGo(listing: Listing, at: number, idHoldMs: number): LedgerRecord | undefined {
  const finished = listing.first(FINISHED);
  if (finished && !holdsId(finished, at, idHoldMs)) return finished;
  return listing.first(['handled', 'cancelled']) ?? finished ?? listing.last(PENDING);
}

/** How long a claim that came to nothing is remembered, in milliseconds: what it is for may just be slow. */
const CLAIM_KEPT_MS = 600_000;
/** Claims at most: far more than there are messages on their way into the wheel. */
const MOST_CLAIMS = 100_000;

/** The latest claim on each id, in the order in which they were made. */
function createClaims() {
  const claims = new Map<string, Claim>();
  const dropFirst = (at: number) => {
    const [first] = claims;
    if (first && (claims.size > MOST_CLAIMS || at >= first[1].at + CLAIM_KEPT_MS)) claims.delete(first[0]);
  };
  return {
    get: (id: string) => claims.get(id),
    put(id: string, claim: Claim | null, at: number) {
      claims.delete(id);
      if (!claim) return;
      claims.set(id, claim);
      // Two for each new one: however many there were, the old ones are soon gone.
      dropFirst(at);
      dropFirst(at);
    },
  };
}
