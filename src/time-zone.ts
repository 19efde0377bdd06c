/** Calendar days where they begin and end: at a zone's own midnight, whatever its clocks do that night. */
import { z } from 'zod';

/** A span of time, in milliseconds since the epoch. */
export interface Period {
  /** Its first millisecond. */
  readonly from: number;
  /** The first millisecond after it. */
  readonly to: number;
}

/** The name of a zone that this Node knows. Offsets such as `+01:00`, which newer ones take too, are no names. */
export const timeZone = z
  .string()
  .max(64)
  .refine((name) => /^[a-z]/i.test(name) && isKnown(name), {
    error: 'must be a time zone such as "Europe/Berlin" or "UTC"',
  });

function isKnown(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** A day has 25 hours at most, and no zone that is in use has ever had a longer one. */
const LONGER_THAN_A_DAY_MS = 30 * 3_600_000;

/**
 * The calendar day that ended last, at this time or before.
 *
 * @param at in milliseconds since the epoch
 * @throws RangeError for a zone that there is not
 */
export function dayEndedBy(at: number, zone: string): Period {
  const date = new Intl.DateTimeFormat('en', { timeZone: zone, dateStyle: 'short' });
  const to = startOfDay(at, date);
  return { from: startOfDay(to - 1, date), to };
}

/** The first moment with the same date: midnight, or later where the clocks pass over it. */
function startOfDay(at: number, date: Intl.DateTimeFormat): number {
  const today = date.format(at);
  let [before, within] = [at - LONGER_THAN_A_DAY_MS, at];
  while (within - before > 1) {
    const middle = Math.floor((before + within) / 2);
    if (date.format(middle) === today) within = middle;
    else before = middle;
  }
  return within;
}
