/**
 * The ranks of the ledger's entries. An entry's revision is its offset, which everybody sees alike. But a stream that is
 * deleted and declared anew counts from 0 again, while verdicts and messages are there that have higher revisions. Then
 * whoever writes an entry says in it by how much revisions are ahead of offsets, and that holds for all that follow.
 */
import type { LedgerEntry } from './entry';

/** The revisions of one process's reading. */
export interface Revisions {
  /** Takes the next entry of the stream, which has it at this offset, and returns its revision. */
  next(entry: Pick<LedgerEntry, 'revision' | 'ahead'>, offset: number): number;
  /** What LedgerEntry.ahead has to be for an entry that is written now, to come above all that is known. */
  ahead(): number;
  /** The stream was declared anew, and is read from its beginning. */
  renewed(): void;
}

/**
 * Nothing read yet.
 *
 * @param highestVerdict the highest revision that a verdict is known to have had
 */
export function createRevisions(highestVerdict: () => number): Revisions {
  let position = -1;
  let ahead = 0;
  let highest = -1;
  return {
    next(entry, offset) {
      position = offset;
      ahead = Math.max(ahead, entry.ahead ?? 0);
      const revision = entry.revision ?? ahead + offset;
      highest = Math.max(highest, revision);
      return revision;
    },
    // The next offset is higher than the position, so its revision will be above the highest one.
    ahead: () => Math.max(ahead, Math.max(highest, highestVerdict()) - position),
    renewed() {
      position = -1;
      ahead = 0;
    },
  };
}
