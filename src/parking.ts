/** The parked queues: what failed for good is set aside there, with why, for a person to look at. */
import type { Publisher } from './amqp/publisher';
import type { Clock } from './clock';
import type { RawEnvelope } from './message';
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

/**
 * Sets a delivery aside in its target's parked queue, body and headers as they came.
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
      messageId: typeof messageId === 'string' ? messageId : '',
      ...(typeof type === 'string' && { type }),
      ...(typeof timestamp === 'number' && { timestamp }),
      headers: {
        ...withoutDeaths(headers),
        'parked-reason': reason,
        'parked-error': error.slice(0, LONGEST_ERROR),
        'parked-at': clock(),
        ...(attempts !== undefined && { 'parked-attempts': attempts }),
        ...(firstAttemptAt !== undefined && { 'parked-first-attempt-at': firstAttemptAt }),
        ...(lastAttemptAt !== undefined && { 'parked-last-attempt-at': lastAttemptAt }),
      },
    },
  });
}

/** RabbitMQ drops, silently, what its death headers make look like a dead-letter cycle. */
function withoutDeaths(headers: RawEnvelope['properties']['headers'] = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !/^x-((first|last)-)?death|^x-delivery-count$|^x-acquired-count$/.test(name),
    ),
  );
}
