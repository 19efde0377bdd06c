/**
 * The time of day finer than Date.now(), which counts whole milliseconds: its ticks are compared with the steady clock of
 * high resolution. Whatever the machine does to its time of day meanwhile is followed.
 */

/** The time of day in milliseconds since the epoch, with fractions. */
export interface FineClock {
  now(): number;
  /** How far the time of day has moved against the steady clock since the start, in milliseconds. */
  driftMs(): number;
}

const TICKS = 5;

/** A clock that has been set by the machine's; takes some milliseconds, in which nothing else runs. */
export function createFineClock(
  wall: () => number = Date.now,
  steady: () => number = () => performance.now(),
): FineClock {
  // Looked at too late, an offset comes out too small: the largest is the nearest.
  const offsets = Array.from({ length: TICKS }, () => offsetAtTick(wall, steady));
  const first = Math.max(...offsets);
  let offset = first;
  return {
    now() {
      const least = wall();
      const fine = steady() + offset;
      if (fine >= least && fine < least + 1) return fine;
      // Either the time of day was moved, or this process stood still between the two looks; the next look tells.
      const again = wall();
      if (again !== least) return Math.max(fine, least);
      offset += fine < least ? least - fine : least + 1 - fine;
      return steady() + offset;
    },
    driftMs: () => offset - first,
  };
}

function offsetAtTick(wall: () => number, steady: () => number): number {
  const before = wall();
  let after = wall();
  while (after === before) after = wall();
  return after - steady();
}
