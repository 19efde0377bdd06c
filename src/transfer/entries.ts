/** What an entry of a stream is on another broker: the same, but for the revisions, and with where it is from. */
import { randomUUID } from 'node:crypto';
import type { Publication } from '../amqp/publisher';
import type { StreamEntry } from '../amqp/stream';
import { MARK } from '../amqp/stream-follower';
import { decodeControl, encodeControl } from '../control/entry';
import { AHEAD_HEADER, REVISION_HEADER } from '../ledger/entry';
import { CONTROL, LEDGER } from '../topology';
import { movedRevision } from '../verdicts/entry';
import { movedHeaders } from './places';

/** Headers that say which entry of which broker a copy is of: whoever goes on copying finds out where. */
const COPIED_FROM = 'copied-from';
const COPIED_OFFSET = 'copied-offset';

/** Makes the copy of an entry; undefined for one that means nothing elsewhere. */
export type EntryCopy = (entry: StreamEntry, source: string) => Publication | undefined;

/** The copy of an entry of delay.control, of whatever kind. */
export const controlCopy: EntryCopy = (entry, source) => {
  if (entry.properties.type === MARK) return undefined;
  const control = decodeControl(entry.content);
  const content =
    control?.kind === 'verdict'
      ? encodeControl({ ...control, revision: movedRevision(control.revision) })
      : entry.content;
  return copy({ ...entry, content }, CONTROL, source);
};

/** The copy of an entry of delay.ledger: its offset, which nobody can give it, stays with it as a revision. */
export const ledgerCopy: EntryCopy = (entry, source) => {
  if (entry.properties.type === MARK) return undefined;
  const { [AHEAD_HEADER]: ahead = 0, ...headers } = entry.properties.headers ?? {};
  const revision = headers[REVISION_HEADER] ?? entry.offset + Number(ahead);
  const properties = { ...entry.properties, headers };
  return copy({ ...entry, properties }, LEDGER, source, {
    [REVISION_HEADER]: movedRevision(Number(revision)),
  });
};

function copy(
  { offset, content, properties }: StreamEntry,
  exchange: string,
  source: string,
  further: Record<string, number> = {},
): Publication {
  const { messageId, type, timestamp, contentType, headers = {} } = properties;
  const { 'x-stream-offset': _, ...own } = headers;
  return {
    exchange,
    routingKey: '',
    content,
    properties: {
      messageId: messageId || randomUUID(),
      ...(type !== undefined && { type }),
      ...(typeof timestamp === 'number' && { timestamp }),
      ...(contentType !== undefined && { contentType }),
      headers: { ...movedHeaders(own), ...further, [COPIED_FROM]: source, [COPIED_OFFSET]: offset },
    },
  };
}

/** Which entry of this source an entry is a copy of; undefined when it is none. */
export function copiedOffset({ properties }: StreamEntry, source: string): number | undefined {
  const { headers = {} } = properties;
  const offset = headers[COPIED_OFFSET];
  return headers[COPIED_FROM] === source && Number.isSafeInteger(offset) ? Number(offset) : undefined;
}
