/** The verdicts that are still needed, in memory: some hundred bytes each, whatever the ids. */
import type { Clock } from '../clock';
import { FINAL, type Verdict, type VerdictEntry } from './entry';

/** What is kept of a verdict. Times are in whole seconds: numbers that small take no memory of their own. */
interface Kept {
  revision: number;
  valid: string | null;
  untilS: number;
  /** Void deliveries that have not been dropped yet, as far as is known. */
  voids: number;
  writtenAtS: number;
}

/** The verdicts of this process. */
export interface VerdictMemory {
  /** Takes an entry of the stream; `writtenAt` is when it was written, in milliseconds since the epoch. */
  note(entry: VerdictEntry, writtenAt: number): void;
  /**
   * Whether a verdict says that this delivery does not count.
   *
   * @param revision see Message.revision; default none
   */
  isVoid(message: string, delivery: string, revision?: number): boolean;
  /** The revision of the verdict on a message; undefined when there is none. */
  revisionOf(message: string): number | undefined;
  /** The highest revision that a verdict was seen to have, FINAL left aside; negative infinity before the first. */
  highestRevision(): number;
  /** How many there are. */
  size(): number;
  /** Forgets those that are no longer needed, looking at so many at most; call it now and then. */
  forgetSome(most: number): void;
  /** The verdicts that were written before this time, in milliseconds since the epoch, the oldest first. */
  writtenBefore(time: number): Iterable<Verdict>;
  /** None of them stands in the stream any more: from now on all count as written long ago. */
  noteStreamLost(): void;
}

/** A copy of a void delivery may follow it: RabbitMQ repeats what it moves until that is confirmed. */
const COPIES_MS = 3_600_000;
/** Something that is void and never came is given up after this time: 30 days. */
const GIVEN_UP_MS = 30 * 86_400_000;

/** An empty memory. */
export function createVerdictMemory(clock: Clock): VerdictMemory {
  const verdicts = new Map<string, Kept>();
  let sweep = verdicts.entries();
  let highest = Number.NEGATIVE_INFINITY;

  const isNeeded = ({ untilS, voids }: Kept) =>
    clock() < untilS * 1_000 + (voids > 0 ? GIVEN_UP_MS : COPIES_MS);

  return {
    note(entry, writtenAt) {
      if (entry.kind === 'dropped') {
        for (const message of entry.messages) {
          const kept = verdicts.get(message);
          if (kept && kept.voids > 0) kept.voids--;
        }
        return;
      }
      const { message, revision, valid, until, voids } = entry;
      if (revision !== FINAL) highest = Math.max(highest, revision);
      const kept = verdicts.get(message);
      const writtenAtS = Math.floor(writtenAt / 1_000);
      const untilS = Math.ceil(until / 1_000);
      if (kept && kept.revision > revision) return;
      // Anew at the end of the map, which so stays in the order of writing.
      verdicts.delete(message);
      if (kept?.revision === revision) verdicts.set(message, { ...kept, writtenAtS });
      else
        verdicts.set(message, {
          revision,
          valid,
          untilS: Math.max(untilS, kept?.untilS ?? 0),
          voids,
          writtenAtS,
        });
    },
    isVoid(message, delivery, revision = Number.NEGATIVE_INFINITY) {
      const kept = verdicts.get(message);
      return kept !== undefined && kept.valid !== delivery && kept.revision > revision;
    },
    revisionOf: (message) => verdicts.get(message)?.revision,
    highestRevision: () => highest,
    size: () => verdicts.size,
    forgetSome(most) {
      for (let looked = 0; looked < most; looked++) {
        const { value, done } = sweep.next();
        if (done) {
          sweep = verdicts.entries();
          return;
        }
        const [message, kept] = value;
        if (!isNeeded(kept)) verdicts.delete(message);
      }
    },
    *writtenBefore(time) {
      for (const [message, { revision, valid, untilS, voids, writtenAtS }] of verdicts) {
        if (writtenAtS * 1_000 >= time) return;
        yield { message, revision, valid, until: untilS * 1_000, voids };
      }
    },
    noteStreamLost() {
      for (const kept of verdicts.values()) kept.writtenAtS = 0;
    },
  };
}
