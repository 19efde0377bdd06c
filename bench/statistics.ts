/** What is said of many measured values: percentiles within a round, medians over the rounds. */

/**
 * The value that this share of the samples does not exceed, by the nearest rank: always one of the samples. NaN when there are none.
 *
 * @param sorted in ascending order
 * @param percent from 0 to 100
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1] ?? Number.NaN;
}

/** The middle one of some figures, of two middle ones their mean; NaN when there are none. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Numbers in ascending order. */
export const ascending = (samples: Iterable<number>): Float64Array => Float64Array.from(samples).sort();

/** A distribution as a few points: at these percentages the samples reach these values. */
export interface Distribution {
  readonly percents: readonly number[];
  readonly values: readonly number[];
}

/** Every percent, and the tail in finer steps. */
export const CURVE_PERCENTS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => i + 1),
  ...[99.2, 99.4, 99.6, 99.8, 99.9, 99.95, 99.99, 100],
];

/** The distribution of samples, few numbers however many there are. */
export function distributionOf(samples: Iterable<number>): Distribution {
  const sorted = ascending(samples);
  return { percents: CURVE_PERCENTS, values: CURVE_PERCENTS.map((percent) => percentile(sorted, percent)) };
}
