/** Where messages lie on a broker, and how a message of each place gets into the same place of another broker. */
import type { GetMessage } from 'amqplib';
import type { Publication } from '../amqp/publisher';
import { decodeMessage, idDueAt, type Message } from '../message';
import { reparkedHeaders, withoutDeaths } from '../parking';
import { CONSUMED } from '../targets';
import {
  delayTopology,
  ENTRY_EXCHANGE,
  HOLDING_PREFIX,
  PARKED_EXCHANGE,
  parkedQueue,
  targetQueue,
  UNROUTABLE,
} from '../topology';
import { movedRevision } from '../verdicts/entry';
import { routingKey, WHEEL } from '../wheel';

/** What lies in a place. */
export type PlaceKind = 'pending' | 'parked' | 'unroutable';

/** A queue with messages. */
export interface Place {
  readonly queue: string;
  readonly kind: PlaceKind;
  /** Whose messages these are; none where several targets' lie together. */
  readonly target?: string;
}

/** A message as the old broker has it. */
export type Found = Pick<GetMessage, 'content' | 'properties'> & { readonly fields: { routingKey: string } };

/** All places. */
export const PLACES: readonly Place[] = [
  ...delayTopology()
    .queues.filter(({ name }) => name.startsWith(HOLDING_PREFIX))
    .map(({ name }): Place => ({ queue: name, kind: 'pending' })),
  ...CONSUMED.flatMap((target): Place[] => [
    { queue: targetQueue(target), kind: 'pending', target },
    { queue: parkedQueue(target), kind: 'parked', target },
  ]),
  { queue: UNROUTABLE, kind: 'unroutable' },
];

/**
 * What to publish on the new broker for a message found on the old one. What waits goes into the wheel for what is left
 * until its due time; what is no valid message goes to its target at once, and is parked there as on the old broker.
 */
export function publicationOf(found: Found, { kind, target }: Place, now: number): Publication {
  const unroutable = () => again(found, UNROUTABLE, found.fields.routingKey, now);
  if (kind === 'unroutable') return unroutable();
  if (kind === 'parked') {
    const headers = reparkedHeaders(found.properties);
    return again(
      { ...found, properties: { ...found.properties, headers } },
      PARKED_EXCHANGE,
      target ?? '',
      now,
    );
  }
  const message = decoded(found);
  const to = target ?? targetIn(found.fields.routingKey) ?? message?.to;
  if (to === undefined) return unroutable();
  return again(found, ENTRY_EXCHANGE, keyFor(to, (message?.dueAt ?? now) - now), now);
}

/** A key that came out of the wheel is the digits and then the target. */
function targetIn(key: string): string | undefined {
  return key.split('.').slice(WHEEL.length).join('.') || undefined;
}

function keyFor(to: string, remainingMs: number): string {
  try {
    return routingKey(WHEEL, remainingMs, to);
  } catch {
    return routingKey(WHEEL, 0, to); // the consumer parks what has no place in the wheel
  }
}

function decoded(found: Found): Message | undefined {
  try {
    return decodeMessage(found);
  } catch {
    return undefined;
  }
}

/** The same body and properties, as far as they are ours; what has no id gets one, by which it can be asked for. */
function again({ content, properties }: Found, exchange: string, key: string, now: number): Publication {
  const { messageId, type, timestamp, contentType, headers } = properties;
  return {
    exchange,
    routingKey: key,
    content,
    properties: {
      messageId: messageId || idDueAt(now),
      ...(type !== undefined && { type }),
      ...(typeof timestamp === 'number' && { timestamp }),
      ...(contentType !== undefined && { contentType }),
      ...(headers && { headers: movedHeaders(headers) }),
    },
  };
}

/** RabbitMQ would send the message to the keys in `CC` and `BCC` as well. */
const ROUTING_HEADERS = ['CC', 'BCC'];

/** Headers as they are on another broker. */
export function movedHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { revision, ...others } = withoutDeaths(headers);
  for (const name of ROUTING_HEADERS) delete others[name];
  return {
    ...others,
    ...(revision !== undefined && {
      revision: Number.isSafeInteger(revision) ? movedRevision(Number(revision)) : revision,
    }),
  };
}
