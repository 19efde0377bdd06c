/**
 * Recognising a delivery that comes twice. At-least-once means that the broker may send a copy, or the
 * same again after a lost acknowledgement; what this process has settled lately, it need not do again.
 */
import type { Message } from '../message';

/** Remembers attempts by their name. */
export interface Repeats {
  /** Whether this attempt was settled here lately. */
  settled(attempt: string): boolean;
  /** The handling of this attempt that is going on here, if any; resolves when it ends, however. */
  ongoing(attempt: string): Promise<void> | undefined;
  /** Notes that a handling has begun; call what it returns when it ends, with whether it was settled. */
  begin(attempt: string): (settled: boolean) => void;
}

/** What copies of one attempt have in common, and no other attempt has: a redriven message begins anew at another time. */
export function attemptName({ delivery, attempt, dueAt }: Message): string {
  return `${delivery} ${attempt} ${dueAt}`;
}

/**
 * A memory of the attempts settled last.
 *
 * @param most how many are remembered; default 10,000, about a megabyte
 */
export function createRepeats(most = 10_000): Repeats {
  const settled = new Set<string>();
  const ongoing = new Map<string, Promise<void>>();
  return {
    settled: (attempt) => settled.has(attempt),
    ongoing: (attempt) => ongoing.get(attempt),
    begin(attempt) {
      let ended: () => void = () => {};
      ongoing.set(
        attempt,
        new Promise((resolve) => {
          ended = resolve;
        }),
      );
      return (wasSettled) => {
        ongoing.delete(attempt);
        if (wasSettled) settled.add(attempt);
        const [oldest] = settled;
        if (settled.size > most && oldest !== undefined) settled.delete(oldest);
        ended();
      };
    },
  };
}
