/** The most frequent reasons, however many different ones there are. */

/** Why messages to a target failed. */
export interface Reason {
  readonly to: string;
  readonly error: string;
  /** How often: exactly, as long as there are no more than 1,000 different ones; then it is the least that is certain. */
  readonly times: number;
}

/** Takes reasons, and says which came most often. */
export interface Reasons {
  note(to: string, error: string): void;
  /** So many at most, the most frequent first. */
  top(most: number): Reason[];
}

/** Different ones that are counted at a time. */
const MOST_REASONS = 1_000;

/**
 * Counts as Misra and Gries do: whatever makes up more than one in `most` of all reasons is among those that are left.
 *
 * @param most different reasons in memory; default 1,000
 */
export function createReasons(most = MOST_REASONS): Reasons {
  const reasons = new Map<string, { readonly to: string; readonly error: string; times: number }>();
  return {
    note(to, error) {
      const name = JSON.stringify([to, error]);
      const known = reasons.get(name);
      if (known) known.times++;
      else if (reasons.size < most) reasons.set(name, { to, error, times: 1 });
      else {
        for (const [each, reason] of reasons) if (--reason.times === 0) reasons.delete(each);
      }
    },
    top: (wanted) => [...reasons.values()].sort((a, b) => b.times - a.times).slice(0, wanted),
  };
}
