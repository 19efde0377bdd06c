/** Whether something stays what it is, as far as a series of noisy values can tell. Pure. */

/** A value at a time, in milliseconds since the epoch. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

/** A line through a series. */
export interface Trend {
  /** Its value at the first and at the last of the times. */
  readonly from: number;
  readonly to: number;
  readonly perMinute: number;
}

const MINUTE_MS = 60_000;
/** What happens within one of them, such as a garbage collection, does not count. */
const WINDOWS = 12;

/** The line that fits best through the medians of twelve equal parts of the time; all zero without points. */
export function trendOf(points: readonly Point[]): Trend {
  const first = points[0]?.at ?? 0;
  const last = points.at(-1)?.at ?? 0;
  const windowMs = (last - first) / WINDOWS;
  const medians = Array.from({ length: WINDOWS }, (_, i) => {
    const begin = first + i * windowMs;
    const within = points.filter(({ at }) => at >= begin && at <= begin + windowMs);
    return within.length === 0 ? [] : [{ at: begin + windowMs / 2, value: median(within) }];
  }).flat();
  const middle = mean(medians.map(({ at }) => at));
  const level = mean(medians.map(({ value }) => value));
  const spread = sum(medians.map(({ at }) => (at - middle) ** 2));
  const slope =
    spread === 0 ? 0 : sum(medians.map(({ at, value }) => (at - middle) * (value - level))) / spread;
  const valueAt = (at: number) => level + slope * (at - middle);
  return { from: valueAt(first), to: valueAt(last), perMinute: slope * MINUTE_MS };
}

/** What comes after the first third of the time, in which everything is still warming up. */
export function afterWarmUp(points: readonly Point[]): Point[] {
  const first = points[0]?.at ?? 0;
  const begin = first + ((points.at(-1)?.at ?? 0) - first) / 3;
  return points.filter(({ at }) => at >= begin);
}

function median(points: readonly Point[]): number {
  const values = points.map(({ value }) => value).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? 0;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : sum(values) / values.length);
