/** The messages that one replaces the other: they have a name in common, and numbers that grow. */
import type { Clock } from '../clock';
import type { Ledger } from '../ledger/ledger';
import type { LedgerRecord } from '../ledger/record';

/** One of the messages with a name, as it was when it was looked for. */
export interface Version extends Pick<LedgerRecord, 'id' | 'status' | 'firstDueAt' | 'fingerprint'> {
  readonly number: number;
}

/** What there is of a name. */
export interface Versions {
  /** By their numbers. */
  readonly versions: readonly Version[];
  /** The number that the next one is to have. */
  readonly next: number;
}

/** What lookForVersions needs. */
export interface VersionsOptions {
  readonly ledger: Pick<Ledger, 'view' | 'find'>;
  readonly clock: Clock;
  /** The key that the messages have in the ledger. */
  readonly name: string;
  /** Their target. */
  readonly to: string;
}

const MINUTE_MS = 60_000;

/** The id of a message with this name. */
export const versionId = (name: string, number: number) => `${name}:${number}`;

/**
 * Looks for all that was confirmed before now, be it by another process.
 *
 * @throws BrokerUnavailableError the ledger cannot be read for now
 */
export async function lookForVersions({ ledger, clock, name, to }: VersionsOptions): Promise<Versions> {
  const known = () =>
    versionsOf(name, ledger.view().list({ key: name, to, limit: Number.POSITIVE_INFINITY }).records);
  const highest = () => known().at(-1)?.number ?? 0;
  // Numbers begin with the minute: what the ledger has forgotten is not numbered once more, and a mail with the id of
  // an old one would be hidden by whoever gets it.
  let next = Math.floor(clock() / MINUTE_MS) - 1;
  // When nobody is found to have the id, everything has been read. Somebody may have chosen it for something else.
  do next = Math.max(next, highest()) + 1;
  while ((await ledger.find(versionId(name, next))) || highest() >= next);
  return { versions: known(), next };
}

/** Those of records with a name that are numbered, in order; whoever chooses keys may have chosen the same. */
export function versionsOf(name: string, records: readonly LedgerRecord[]): Version[] {
  return records
    .map(({ id, status, firstDueAt, fingerprint }) => {
      const number = id.startsWith(`${name}:`)
        ? Number(/^[1-9]\d{0,14}$/.exec(id.slice(name.length + 1)))
        : 0;
      return { id, status, firstDueAt, fingerprint, number };
    })
    .filter(({ number }) => number > 0)
    .sort((a, b) => a.number - b.number);
}
