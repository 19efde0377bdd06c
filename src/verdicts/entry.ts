/** Verdicts on which delivery of a message counts, as the control stream has them. */
import { createHash } from 'node:crypto';

/** Says of all deliveries of one message which one counts, if any; every other one is void. */
export interface Verdict {
  /** Whose; see messageKey. */
  readonly message: string;
  /** Of two verdicts on one message the higher one stands: the revision of the ledger's entry that it follows from, see Placed. */
  readonly revision: number;
  /** Of the deliveries with a lower revision the one that counts; null for none, the message is cancelled. */
  readonly valid: string | null;
  /** When the last void delivery that is known is due, in milliseconds since the epoch. */
  readonly until: number;
  /** How many void deliveries are known. */
  readonly voids: number;
}

/** A verdict, or messages of each of which one more void delivery has been dropped. */
export type VerdictEntry =
  | ({ readonly kind: 'verdict' } & Verdict)
  | { readonly kind: 'dropped'; readonly messages: readonly string[] };

/** The revision of a verdict that nothing can overrule. */
export const FINAL = Number.MAX_SAFE_INTEGER;

/** More than a stream ever has entries, and little enough for thirty moves from broker to broker. */
const BROKER_SPAN = 2 ** 48;

/** What a revision becomes when it moves to another broker: lower than all of that one's own, and among its like in the same order. */
export function movedRevision(revision: number): number {
  return revision === FINAL ? FINAL : revision - BROKER_SPAN;
}

/** Characters of a digest in base64: 96 bits, so that even among a billion ids hardly ever two share one. */
const KEY_LENGTH = 16;

/** The name of a message in the control stream: short whatever the id, and of one length. */
export function messageKey(id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, KEY_LENGTH);
}

/** Whether this is such an entry. */
export function isVerdictEntry(entry: unknown): entry is VerdictEntry {
  const { kind } = (entry ?? {}) as Partial<VerdictEntry>;
  if (kind === 'verdict') return isVerdict(entry as Verdict);
  return kind === 'dropped' && areKeys((entry as { messages?: unknown }).messages);
}

function isVerdict({ message, revision, valid, until, voids }: Verdict): boolean {
  const counts = [until, voids].every((value) => Number.isSafeInteger(value) && value >= 0);
  return (
    counts &&
    Number.isSafeInteger(revision) &&
    areKeys([message]) &&
    (valid === null || typeof valid === 'string')
  );
}

function areKeys(keys: unknown): keys is string[] {
  return Array.isArray(keys) && keys.every((key) => typeof key === 'string' && key.length === KEY_LENGTH);
}
