/** Percentiles of any number of durations, in little memory: counted in buckets that grow with what is in them. */

/** How late things were, in milliseconds. */
export interface Lateness {
  /** Half were no later than this, and so on; at most 1/32 more than it was, and exact below 64 ms. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  /** The latest of all, exactly. */
  readonly max: number;
}

/** Takes durations, and sums them up. */
export interface LatenessDigest {
  /** Takes one more, in milliseconds; less than nothing counts as nothing. */
  note(lateMs: number): void;
  /** Undefined while there is none. */
  sum(): Lateness | undefined;
}

/** Buckets for each power of two; below twice as many milliseconds each has its own. */
const STEPS = 32;

/** Nothing was late yet. */
export function createLatenessDigest(): LatenessDigest {
  const buckets = new Map<number, number>();
  let count = 0;
  let max = 0;

  /** The least bucket that so many are in or below (nearest rank). */
  const percentile = (share: number) => {
    let missing = Math.ceil(share * count);
    for (const [mostMs, within] of [...buckets].sort(([a], [b]) => a - b)) {
      missing -= within;
      if (missing <= 0) return Math.min(mostMs, max);
    }
    return max;
  };

  return {
    note(lateMs) {
      const late = Math.max(0, Math.floor(lateMs));
      const bucket = bucketOf(late);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
      count++;
      max = Math.max(max, late);
    },
    sum: () =>
      count === 0 ? undefined : { p50: percentile(0.5), p90: percentile(0.9), p99: percentile(0.99), max },
  };
}

/** A bucket is known by the longest duration that is in it. */
function bucketOf(lateMs: number): number {
  if (lateMs < 2 * STEPS) return lateMs;
  const width = 2 ** Math.floor(Math.log2(lateMs / STEPS));
  return (Math.floor(lateMs / width) + 1) * width - 1;
}
