/**
 * The entries of the ledger: what happened to which message, in the one order that everybody sees. How an entry is
 * written down is a contract with the entries that are there already: they are read for as long as the stream keeps them.
 */
import type { Publication } from '../amqp/publisher';
import { encodeMessage, type Message, type RawEnvelope } from '../message';

/** The kinds whose entries have the whole message with them, to be read back from the stream. */
const WITH_MESSAGE = ['accepted', 'retried', 'rescheduled', 'redriven'] as const;

const ENTRY_KINDS = [...WITH_MESSAGE, 'claimed', 'handled', 'parked', 'cancelled', 'dropped'] as const;

const KINDS: ReadonlySet<unknown> = new Set(ENTRY_KINDS);

/** What happened; see LedgerEntry. */
export type EntryKind = (typeof ENTRY_KINDS)[number];

/**
 * One entry. By kind:
 *
 * - `accepted`: the wheel has the message.
 * - `claimed`: somebody is about to put a delivery into the wheel, a message's first one, or in place of `from`.
 * - `retried`: an attempt failed; `attempt`, `dueAt` are those of the next one.
 * - `rescheduled`: the claimed delivery is in the wheel, and the one before is void.
 * - `redriven`: parked before, and in the wheel once more.
 * - `handled`, `parked`: how it ended, `error` says why for the latter.
 * - `cancelled`: to be dropped when it arrives; counts only while `delivery` is the current one.
 * - `dropped`: a void delivery came and was dropped.
 */
export interface LedgerEntry {
  readonly kind: EntryKind;
  /** The message's id. */
  readonly id: string;
  /** Its target. */
  readonly to: string;
  /** The delivery that this is about, see Message.delivery. */
  readonly delivery: string;
  /** The attempt that this is about, from 1. */
  readonly attempt: number;
  /** When that attempt is or was due, in milliseconds since the epoch. */
  readonly dueAt: number;
  /** When it happened, in milliseconds since the epoch. */
  readonly at: number;
  /** The delivery that must still be the current one for a claim to succeed; none for a new message. */
  readonly from?: string;
  /** The caller's own label, to list by. */
  readonly key?: string | undefined;
  /** Digest of the request, by which the same request is told from another one with the same id; only where the caller chose the id. */
  readonly fingerprint?: string | undefined;
  /** Why it failed, for people. */
  readonly error?: string;
  /** When its handler began, in milliseconds since the epoch; only `handled` has it, and not those of older versions. */
  readonly startedAt?: number;
  /** Nothing has happened: it is here once more, so that it is not cut off. */
  readonly again?: true;
  /** By this a writer finds its own entry among those that it reads. */
  readonly by?: string;
  /** In place of its offset, for an entry that was copied from another broker; see movedRevision. */
  readonly revision?: number;
  /** By how much revisions are ahead of offsets from here on; see revisions.ts. Default 0. */
  readonly ahead?: number;
}

/** Header of LedgerEntry.revision. */
export const REVISION_HEADER = 'entry-revision';
/** Header of LedgerEntry.ahead. */
export const AHEAD_HEADER = 'entry-ahead';

const OPTIONAL = ['from', 'key', 'fingerprint', 'error', 'by'] as const;

/** Longest text in characters: the ledger is for looking things up, the log has errors whole. */
const LONGEST_TEXT = 200;

const NOTHING = Buffer.alloc(0);

/** That the wheel has a message, with what only its acceptance says of it. */
export function acceptedEntry(
  { id, to, delivery, attempt, dueAt, acceptedAt: at }: Message,
  { key, fingerprint }: Pick<LedgerEntry, 'key' | 'fingerprint'>,
): LedgerEntry {
  return {
    ...{ kind: 'accepted', id, to, delivery, attempt, dueAt, at },
    ...(key !== undefined && { key }),
    ...(fingerprint !== undefined && { fingerprint }),
  };
}

/**
 * Writes an entry down.
 *
 * @param message for the kinds that have the whole message with them
 */
export function encodeEntry(
  entry: LedgerEntry,
  message?: Message,
): Pick<Publication, 'content' | 'properties'> {
  const { id, to, dueAt, delivery, attempt, at } = entry;
  const { content, properties } = message
    ? encodeMessage(message)
    : { content: NOTHING, properties: { headers: { 'due-at': dueAt, delivery, attempt } } };
  return {
    content,
    properties: {
      timestamp: Math.floor(at / 1_000),
      ...properties,
      messageId: id,
      type: to,
      headers: { ...properties.headers, ...entryHeaders(entry) },
    },
  };
}

function entryHeaders(entry: LedgerEntry): Record<string, string | number> {
  const given = OPTIONAL.flatMap((name) => {
    const value = entry[name];
    return value === undefined ? [] : [[`entry-${name}`, value.slice(0, LONGEST_TEXT)]];
  });
  return {
    entry: entry.kind,
    'entry-at': entry.at,
    ...(entry.startedAt !== undefined && { 'entry-started-at': entry.startedAt }),
    ...(entry.again && { 'entry-again': 1 }),
    ...(entry.ahead && { [AHEAD_HEADER]: entry.ahead }),
    ...Object.fromEntries(given),
  };
}

/** Reads an entry; undefined for what is none, written by another version or by hand: it is passed over. */
export function decodeEntry({ properties }: RawEnvelope): LedgerEntry | undefined {
  const { messageId: id, type: to, headers = {} } = properties;
  const { entry: kind, 'entry-at': at, delivery, attempt, 'due-at': dueAt } = headers;
  if (!isKind(kind) || !isName(id) || !isName(to) || !isName(delivery)) return undefined;
  if (!isInteger(at) || !isInteger(attempt) || !isInteger(dueAt)) return undefined;
  // Filled in one by one: a start reads millions of entries.
  const entry: Mutable<LedgerEntry> = { kind, id, to, delivery, attempt, dueAt, at };
  for (const name of OPTIONAL) {
    const value = headers[`entry-${name}`];
    if (typeof value === 'string') entry[name] = value;
  }
  const { 'entry-started-at': startedAt, [REVISION_HEADER]: revision, [AHEAD_HEADER]: ahead } = headers;
  if (isInteger(startedAt)) entry.startedAt = startedAt;
  if (headers['entry-again'] === 1) entry.again = true;
  if (isInteger(revision)) entry.revision = revision;
  if (isInteger(ahead) && ahead > 0) entry.ahead = ahead;
  return entry;
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

const isKind = (value: unknown): value is EntryKind => KINDS.has(value);
const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

/** Whether the stream has the whole message at this entry. */
export function hasMessage({ kind }: Pick<LedgerEntry, 'kind'>): boolean {
  return (WITH_MESSAGE as readonly EntryKind[]).includes(kind);
}
