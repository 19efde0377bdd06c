/**
 * Many entries as one entry of the stream. What a stream entry costs, here and in the broker, it costs once for all of
 * them; RabbitMQ's own stream protocol has the same as sub-entry batching, AMQP has not.
 */
import type { Publication } from '../amqp/publisher';
import { parseJson } from '../json';
import type { Message, RawEnvelope } from '../message';
import { decodeEntry, encodeEntry, hasMessage, type LedgerEntry, REVISION_HEADER } from './entry';

/** An entry that is to be written. */
export interface UnwrittenEntry {
  readonly entry: LedgerEntry;
  /** For the kinds that have the whole message with them. */
  readonly message?: Message | undefined;
}

/** An entry that was read. */
export interface ReadEntry {
  readonly entry: LedgerEntry;
  /** As if it stood alone: where the kind has the whole message with it, that is in here. */
  readonly envelope: RawEnvelope;
}

type Written = Pick<Publication, 'content' | 'properties'>;

/** Header with how many entries there are; a single one is written without. */
const ENTRIES_HEADER = 'entries';

/** Entries in a batch at most. */
export const MOST_ENTRIES = 250;
/** Bytes of a batch at most, but for a single entry. */
const MOST_BYTES = 200_000;

/** An entry among others: properties as AMQP has them, and the body as text, which JSON always is. */
interface SubEntry {
  readonly properties: RawEnvelope['properties'];
  readonly text: string;
}

/** Writes down the first of these entries, as many as go into one: at least one. */
export function encodeEntries(entries: readonly UnwrittenEntry[]): Written & { readonly count: number } {
  const written: Written[] = [];
  let bytes = 0;
  for (const { entry, message } of entries) {
    const next = encodeEntry(entry, message);
    bytes += next.content.length;
    if (written.length > 0 && bytes > MOST_BYTES) break;
    written.push(next);
    if (written.length === MOST_ENTRIES) break;
  }
  const [first] = written;
  if (!first) throw new RangeError('there is no entry to write');
  return { ...(written.length === 1 ? first : together(written, first)), count: written.length };
}

function together(written: readonly Written[], { properties }: Written): Written {
  const subEntries: SubEntry[] = written.map((each) => ({
    properties: each.properties,
    text: each.content.toString(),
  }));
  return {
    content: Buffer.from(JSON.stringify(subEntries)),
    properties: {
      messageId: properties.messageId,
      ...(properties.timestamp !== undefined && { timestamp: properties.timestamp }),
      contentType: 'application/json',
      headers: { [ENTRIES_HEADER]: written.length },
    },
  };
}

/** Reads what stands in one entry of the stream; what is no entry, see decodeEntry, is left out. */
export function decodeEntries(raw: RawEnvelope): ReadEntry[] {
  const { [ENTRIES_HEADER]: count, [REVISION_HEADER]: revision } = raw.properties.headers ?? {};
  if (count === undefined) return readEntry(raw);
  return subEntriesIn(raw.content).flatMap(({ properties, text }) => {
    const headers =
      revision === undefined ? properties.headers : { ...properties.headers, [REVISION_HEADER]: revision };
    return readEntry(new SubEnvelope({ ...properties, headers }, text));
  });
}

function readEntry(envelope: RawEnvelope): ReadEntry[] {
  const entry = decodeEntry(envelope);
  return entry ? [{ entry, envelope }] : [];
}

/** Where an entry of the stream has the whole message with this id; undefined when it has not. */
export function envelopeIn(raw: RawEnvelope, id: string): RawEnvelope | undefined {
  return decodeEntries(raw).findLast(({ entry }) => entry.id === id && hasMessage(entry))?.envelope;
}

/** Most bodies are not asked for. */
class SubEnvelope implements RawEnvelope {
  constructor(
    readonly properties: RawEnvelope['properties'],
    private readonly text: string,
  ) {}
  get content(): Buffer {
    return Buffer.from(this.text);
  }
}

/** Written by another version or by hand it may be anything. */
function subEntriesIn(content: Buffer): SubEntry[] {
  try {
    const parsed = parseJson(content);
    return Array.isArray(parsed) ? parsed.filter(isSubEntry) : [];
  } catch {
    return [];
  }
}

function isSubEntry(value: unknown): value is SubEntry {
  const { properties, text } = (value ?? {}) as Partial<SubEntry>;
  return typeof properties === 'object' && properties !== null && typeof text === 'string';
}
