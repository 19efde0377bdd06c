/** What is still to be handled and comes due soon. */
import { PENDING, type Place } from '../ledger/record';
import type { LedgerView } from '../ledger/view';

const HOUR_MS = 3_600_000;
const HOURS = 24;

/** How many messages come due in the 24 hours from a time on. */
export interface Pending {
  /** When these hours begin, in milliseconds since the epoch. */
  readonly from: number;
  readonly messages: number;
  /** By target, as far as there are any. */
  readonly targets: Readonly<Record<string, number>>;
  /** One number for each hour. */
  readonly hours: readonly number[];
}

/** Messages counted before others have a turn: about a millisecond. */
const SLICE = 1_000;

/**
 * Counts what a view has. Entries may be applied to it meanwhile.
 *
 * @param from in milliseconds since the epoch
 * @param only counts nothing but these targets; default all
 */
export async function countPending(
  view: Pick<LedgerView, 'list'>,
  from: number,
  only?: readonly string[],
): Promise<Pending> {
  const hours = Array.from({ length: HOURS }, () => 0);
  const targets = new Map<string, number>();
  const window = { status: PENDING, dueAfter: from, dueBefore: from + HOURS * HOUR_MS, limit: SLICE };
  let messages = 0;
  for (let after: Place | undefined, more = true; more; ) {
    const { records, next } = view.list({ ...window, after });
    for (const { to, dueAt } of records) {
      if (only && !only.includes(to)) continue;
      messages++;
      targets.set(to, (targets.get(to) ?? 0) + 1);
      const hour = Math.floor((dueAt - from) / HOUR_MS);
      hours[hour] = (hours[hour] ?? 0) + 1;
    }
    after = next;
    more = next !== undefined;
    if (more) await new Promise(setImmediate);
  }
  return { from, messages, targets: Object.fromEntries(targets), hours };
}
