/** From values to places on a logarithmic axis, with its ticks at the powers of ten. */

/** A logarithmic axis. */
export interface LogScale {
  /** Where a value lies, from 0 to 1; what is beyond an end lies at that end. */
  at(value: number): number;
  /** The powers of ten from end to end. */
  readonly ticks: readonly number[];
}

/**
 * An axis that ends at powers of ten and has all these values on it, one decade at least. Values of zero and less have no
 * place on it and do not count.
 *
 * @param least where the axis begins at the lowest, however small the values
 */
export function logScale(values: Iterable<number>, least: number): LogScale {
  let low = Number.POSITIVE_INFINITY;
  let high = least;
  for (const value of values) {
    if (value > 0) low = Math.min(low, value);
    if (Number.isFinite(value)) high = Math.max(high, value);
  }
  const from = Math.floor(Math.log10(Math.max(least, Math.min(low, high))));
  const to = Math.max(from + 1, Math.ceil(Math.log10(high)));
  return {
    at: (value) => (value <= 0 ? 0 : Math.min(1, Math.max(0, (Math.log10(value) - from) / (to - from)))),
    ticks: Array.from({ length: to - from + 1 }, (_, i) => Number(`1e${from + i}`)),
  };
}
