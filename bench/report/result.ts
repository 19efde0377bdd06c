/** What a benchmark leaves behind: figures of every round, distributions, comparisons, and what they were measured on. */
import type { Distribution } from '../statistics';
import type { Comparison } from './goals';
import type { Machine } from './machine';

/** The figures of one contestant in one case. */
export interface Series {
  /** The contestant, such as `BullMQ, everysec`. */
  readonly name: string;
  /** What was asked of it, such as `1,000/s`; empty where there is one case only. */
  readonly case: string;
  /** By name with its unit, such as `p50 ms`: one figure for each round. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
  /** Of all rounds together; default none. */
  readonly distribution?: Distribution;
}

/** What a benchmark has measured. */
export interface Measured {
  readonly series: readonly Series[];
  readonly comparisons: readonly Comparison[];
  /** What is on the axis of the distributions' chart, with its unit; default no chart. */
  readonly axis?: string;
}

/** What is written to bench/results/NAME.json. */
export interface Result extends Measured {
  readonly bench: string;
  /** What it measures, a sentence. */
  readonly about: string;
  /** ISO 8601. */
  readonly takenAt: string;
  readonly rounds: number;
  /** Whether this is the short form, whose figures prove nothing. */
  readonly short: boolean;
  readonly machine: Machine;
  readonly settings: Readonly<Record<string, unknown>>;
}
