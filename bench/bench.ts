/** What a benchmark is to the command that runs it. */
import type { Lab } from './lab';
import type { Measured } from './report/result';

/** How a benchmark is run. */
export interface RunSettings {
  /** How often each contestant has its turn. */
  readonly rounds: number;
  /** Whether small sizes do, to see that nothing has fallen far: the figures prove nothing. */
  readonly short: boolean;
  /** Whether the peer can take part. */
  readonly peer: boolean;
}

/** A benchmark. */
export interface Bench {
  /** By this it is chosen. */
  readonly name: string;
  /** What it measures, a sentence. */
  readonly about: string;
  /** Whether it is part of the short form of them all, and has wide bounds for that. */
  readonly inShort: boolean;
  /** Whether BullMQ takes part, where it can. */
  readonly peer: boolean;
  /** What it needs beside the servers. */
  readonly needs?: 'wrk';
  /** Sizes and the like, for the record. */
  settings(run: RunSettings): Readonly<Record<string, unknown>>;
  /** Measures. */
  run(lab: Lab, run: RunSettings): Promise<Measured>;
}
