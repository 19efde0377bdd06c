/**
 * Recognising a delivery that comes twice. At-least-once means that the broker may send a copy, or the
 * same again after a lost acknowledgement; what this process has settled lately, it need not do again.
 */

/** Remembers deliveries by their id. */
export interface Repeats {
  /** Whether this delivery was settled here lately. */
  settled(delivery: string): boolean;
  /** The handling of this delivery that is going on here, if any; resolves when it ends, however. */
  ongoing(delivery: string): Promise<void> | undefined;
  /** Notes that a handling has begun; call what it returns when it ends, with whether it was settled. */
  begin(delivery: string): (settled: boolean) => void;
}

/**
 * A memory of the last settled deliveries.
 *
 * @param most how many are remembered; default 10,000, about a megabyte
 */
export function createRepeats(most = 10_000): Repeats {
  const settled = new Set<string>();
  const ongoing = new Map<string, Promise<void>>();
  return {
    settled: (delivery) => settled.has(delivery),
    ongoing: (delivery) => ongoing.get(delivery),
    begin(delivery) {
      let ended: () => void = () => {};
      ongoing.set(
        delivery,
        new Promise((resolve) => {
          ended = resolve;
        }),
      );
      return (wasSettled) => {
        ongoing.delete(delivery);
        if (wasSettled) settled.add(delivery);
        const [oldest] = settled;
        if (settled.size > most && oldest !== undefined) settled.delete(oldest);
        ended();
      };
    },
  };
}
