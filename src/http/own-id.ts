/** Ids that callers choose, in the body or as Idempotency-Key, and how the same request is told from another one. */
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type { AcceptRequest } from '../changes/acceptance';
import { InvalidRequestError } from './validation';

/** What can stand in a path and in a header as it is, and is not the path of batches. */
const SAFE = /^(?!(\.{1,2}|[Bb][Aa][Tt][Cc][Hh])$|schedule:)[A-Za-z0-9._~:-]+$/;
const UNSAFE =
  'must consist of letters, digits and . _ ~ : -, be none of ., .. and batch, and not begin with schedule:';

/** Longest id in characters. */
export const LONGEST_ID = 128;

/** An id of the caller's. */
export const ownId = z.string().min(1).max(LONGEST_ID).regex(SAFE, { error: UNSAFE });

/**
 * The Idempotency-Key of a request; undefined when it has none. It may stand in quotes, as
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ asks for, or without.
 *
 * @throws InvalidRequestError for one that cannot be an id
 */
export function idempotencyKey(req: Request): string | undefined {
  const header = req.get('idempotency-key');
  if (header === undefined) return undefined;
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header;
  if (ownId.safeParse(key).success) return key;
  const msg = `${UNSAFE}, ${LONGEST_ID} at most`;
  throw new InvalidRequestError([{ loc: ['header', 'Idempotency-Key'], msg, type: 'invalid_format' }]);
}

/** The id of an order's expiry. */
export const orderMessageId = (orderId: string) => idFor('order', orderId, LONGEST_ID);

/** Room for what numbers the messages of a name, in characters. */
const LONGEST_NUMBER = 16;

/** What the ids of a meeting's reminders begin with, before their numbers. */
export const meetingName = (meetingId: string) => idFor('meeting', meetingId, LONGEST_ID - LONGEST_NUMBER);

/** What would not make an id, for a space in it or its length, gets one of its digest. */
function idFor(kind: string, name: string, longest: number): string {
  const plain = `${kind}:${name}`;
  const fits = plain.length <= longest && ownId.safeParse(plain).success;
  return fits ? plain : `${kind}:sha256:${digest(name)}`;
}

/** An id with all that its request asks for; `request` as it came out of its schema. */
export function own(id: string, request: unknown): NonNullable<AcceptRequest['own']> {
  return { id, fingerprint: fingerprintOf(request) };
}

/** A digest of all that a request asks for; `request` as it came out of its schema. */
export function fingerprintOf(request: unknown): string {
  return digest(JSON.stringify(sorted(request)));
}

/** Whether a field stands before or after another one makes no difference. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  // In an object of its own, so that it differs from an array of the same entries.
  return { object: entries.map(([name, each]) => [name, sorted(each)]) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
