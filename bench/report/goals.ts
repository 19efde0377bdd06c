/** What a benchmark is to reach, and whether it does: decided here, from figures that were measured before. */

/** A figure of ours, beside a peer's where there is one. */
export interface Comparison {
  /** What is compared, such as `lateness p90, 1,000/s`. */
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  /** Default none. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** What is to be reached; default nothing, it is only told. */
  readonly goal?: Goal;
}

/** A bound, on our figure itself or on its ratio to the peer's. */
export interface Goal {
  readonly of: 'ours' | 'ratio';
  readonly is: 'at most' | 'at least';
  readonly bound: number;
}

/** Ours by the peer's; undefined without a peer, or where that has a zero. */
export function ratioOf({ ours, peer }: Comparison): number | undefined {
  return peer && peer.value !== 0 ? ours / peer.value : undefined;
}

/** Whether the goal is reached; undefined where there is none. What could not be measured has not reached it. */
export function isReached(comparison: Comparison): boolean | undefined {
  const { goal, ours } = comparison;
  if (!goal) return undefined;
  const figure = goal.of === 'ours' ? ours : ratioOf(comparison);
  if (figure === undefined) return undefined;
  return goal.is === 'at most' ? figure <= goal.bound : figure >= goal.bound;
}
