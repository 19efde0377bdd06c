/** The parked queues: what failed for good is set aside there, with why, for a person to look at. */
import type { Publisher } from './amqp/publisher';
import type { Clock } from './clock';
import { idDueAt, type RawEnvelope } from './message';
import { PARKED_EXCHANGE } from './topology';

/** Why a message is set aside. */
export interface ParkReason {
  /** A short, stable word or two, such as `malformed` or `attempts exhausted`. */
  readonly reason: string;
  /** What exactly happened; cut to 500 characters. */
  readonly error: string;
  /** How often it was tried; none for what could not even be read. */
  readonly attempts?: number;
  /** When it was first tried, in milliseconds since the epoch. */
  readonly firstAttemptAt?: number;
  /** When it was last tried, in milliseconds since the epoch. */
  readonly lastAttemptAt?: number;
}

const LONGEST_ERROR = 500;

/** Where a parked message says why it is there. Like those of message.ts, these are read for ever. */
const HEADERS = {
  reason: 'parked-reason',
  error: 'parked-error',
  parkedAt: 'parked-at',
  attempts: 'parked-attempts',
  firstAttemptAt: 'parked-first-attempt-at',
  lastAttemptAt: 'parked-last-attempt-at',
} as const;

/**
 * Sets a delivery aside in its target's parked queue, body and headers as they came. One without an id gets
 * one, by which it can be asked for.
 *
 * @throws what Publisher.publish throws; the delivery is then not set aside
 */
export function park(
  { publisher, clock }: { publisher: Publisher; clock: Clock },
  target: string,
  { content, properties }: RawEnvelope,
  { reason, error, attempts, firstAttemptAt, lastAttemptAt }: ParkReason,
): Promise<void> {
  const { messageId, type, timestamp, headers } = properties;
  return publisher.publish({
    exchange: PARKED_EXCHANGE,
    routingKey: target,
    content,
    properties: {
      messageId: typeof messageId === 'string' && messageId !== '' ? messageId : idDueAt(clock()),
      ...(typeof type === 'string' && { type }),
      ...(typeof timestamp === 'number' && { timestamp }),
      headers: {
        ...withoutDeaths(headers),
        [HEADERS.reason]: reason,
        [HEADERS.error]: error.slice(0, LONGEST_ERROR),
        [HEADERS.parkedAt]: clock(),
        ...(attempts !== undefined && { [HEADERS.attempts]: attempts }),
        ...(firstAttemptAt !== undefined && { [HEADERS.firstAttemptAt]: firstAttemptAt }),
        ...(lastAttemptAt !== undefined && { [HEADERS.lastAttemptAt]: lastAttemptAt }),
      },
    },
  });
}

/** The headers without RabbitMQ's own: it drops, silently, what those on deaths make look like a dead-letter cycle. */
export function withoutDeaths(headers: RawEnvelope['properties']['headers'] = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !/^x-((first|last)-)?death|^x-delivery-count$|^x-acquired-count$/.test(name),
    ),
  );
}

/** The headers with which a parked message can be parked anew: what RabbitMQ's own say of the reason is said by ours. */
export function reparkedHeaders(properties: RawEnvelope['properties']): Record<string, unknown> {
  const { reason, parkedAt } = parkNoteOf(properties);
  return {
    ...withoutDeaths(properties.headers),
    ...(reason !== undefined && { [HEADERS.reason]: reason }),
    ...(parkedAt !== undefined && { [HEADERS.parkedAt]: parkedAt }),
  };
}

/** What a parked message's headers tell; nothing of it where they do not. */
export type ParkNote = Partial<ParkReason & { readonly parkedAt: number }>;

/** Reads why a message was set aside, by park or by RabbitMQ itself. */
export function parkNoteOf({ headers = {} }: RawEnvelope['properties']): ParkNote {
  if (headers[HEADERS.reason] === undefined && headers['x-first-death-reason'] === 'delivery_limit') {
    return { reason: 'delivery limit', ...parkedByBroker(headers['x-death']) };
  }
  const read = Object.entries(HEADERS).filter(([field, header]) => {
    const text = field === 'reason' || field === 'error';
    return text ? typeof headers[header] === 'string' : typeof headers[header] === 'number';
  });
  return Object.fromEntries(read.map(([field, header]) => [field, headers[header]]));
}

/** RabbitMQ's list of deaths, the latest first; it counts in seconds. */
function parkedByBroker(deaths: unknown): Pick<ParkNote, 'parkedAt'> {
  const seconds = Array.isArray(deaths) ? Number(deaths[0]?.time?.value) : Number.NaN;
  return Number.isFinite(seconds) ? { parkedAt: seconds * 1000 } : {};
}
