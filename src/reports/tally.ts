/**
 * What happened within a period, counted from the ledger's entries alone. An entry counts by the time at which it
 * happened and not by its place: what a process could not write for a while stands further on in the stream.
 */
import type { LedgerEntry } from '../ledger/entry';
import type { Period } from '../time-zone';
import { createLatenessDigest, type Lateness, type LatenessDigest } from './lateness';
import { createReasons, type Reason } from './reasons';

/** The kinds of entries that are counted. What is dropped was made void before, and has no outcome of its own. */
export const COUNTED = ['accepted', 'handled', 'retried', 'parked', 'cancelled'] as const;

/** One of them. */
export type Counted = (typeof COUNTED)[number];

/** How often what happened, and how late. */
export interface Activity {
  readonly counts: Readonly<Record<Counted, number>>;
  /** From the due time of an attempt to the start of its handler, where that came to be handled; undefined where none did. */
  readonly lateness: Lateness | undefined;
}

/** The sum of a period. */
export interface Sum {
  readonly total: Activity;
  /** By target, in the order in which they were given; then others that there are entries of. */
  readonly targets: Readonly<Record<string, Activity>>;
  /** The ten most frequent of those for which messages were tried again or parked. */
  readonly reasons: readonly Reason[];
}

/** Counts entries. */
export interface Tally {
  /** Takes the next entry. */
  note(entry: LedgerEntry): void;
  /** Whether an entry from before the period was among them: so none of the period's can be missing before it. */
  sawEarlier(): boolean;
  sum(): Sum;
}

/** Options of createTally. */
export interface TallyOptions {
  readonly period: Period;
  /** Those to begin with, though nothing may have happened. */
  readonly targets: readonly string[];
  /** Counts nothing but these; default whatever there are entries of. */
  readonly only?: readonly string[] | undefined;
}

const MOST_REASONS_SHOWN = 10;

/** Nothing is counted yet. */
export function createTally({ period: { from, to }, targets, only }: TallyOptions): Tally {
  const total = createCounter();
  const byTarget = new Map((only ?? targets).map((target) => [target, createCounter()]));
  const reasons = createReasons();
  const isRepeat = createRepeats();
  let earlier = false;

  const counterOf = (target: string) => {
    const counter = byTarget.get(target) ?? createCounter();
    byTarget.set(target, counter);
    return counter;
  };

  return {
    note(entry) {
      if (entry.again) return;
      if (entry.at < from) earlier = true;
      if (entry.at < from || entry.at >= to || !isCounted(entry) || isRepeat(entry)) return;
      if (only && !only.includes(entry.to)) return;
      for (const counter of [total, counterOf(entry.to)]) counter.note(entry);
      const { kind, error } = entry;
      if (kind === 'retried' || kind === 'parked') reasons.note(entry.to, error || 'no reason given');
    },
    sawEarlier: () => earlier,
    sum: () => ({
      total: total.sum(),
      targets: Object.fromEntries([...byTarget].map(([target, counter]) => [target, counter.sum()])),
      reasons: reasons.top(MOST_REASONS_SHOWN),
    }),
  };
}

type CountedEntry = LedgerEntry & { readonly kind: Counted };

function isCounted(entry: LedgerEntry): entry is CountedEntry {
  return (COUNTED as readonly string[]).includes(entry.kind);
}

function createCounter() {
  const counts = { accepted: 0, handled: 0, retried: 0, parked: 0, cancelled: 0 };
  const late: LatenessDigest = createLatenessDigest();
  return {
    note({ kind, startedAt, dueAt }: CountedEntry) {
      counts[kind]++;
      if (kind === 'handled' && startedAt !== undefined) late.note(startedAt - dueAt);
    },
    sum: (): Activity => ({ counts: { ...counts }, lateness: late.sum() }),
  };
}

/** Copies of an entry follow each other closely: its confirm did not come, and it was written once more. */
const MOST_REMEMBERED = 10_000;

/** Whether the same was noted a while ago, of the same attempt. */
function createRepeats(): (entry: LedgerEntry) => boolean {
  const noted = new Set<string>();
  return ({ kind, id, delivery, attempt, dueAt }) => {
    const name = JSON.stringify([kind, id, delivery, attempt, dueAt]);
    if (noted.has(name)) return true;
    noted.add(name);
    const [oldest] = noted;
    if (noted.size > MOST_REMEMBERED && oldest !== undefined) noted.delete(oldest);
    return false;
  };
}
