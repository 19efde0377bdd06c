/**
 * The message as it travels: what of it stands in which AMQP property or header, and back.
 * The names of headers are a contract with messages that wait for years: they are read for ever.
 */
import { randomFillSync } from 'node:crypto';
import { MalformedMessageError } from './errors';
import { parseJson } from './json';
import { type Trace, traceOf } from './trace-context';

/** What is known of a message from its acceptance to its end. */
export interface Message {
  /** Stable through every retry and copy; callees get it as their idempotency key. */
  readonly id: string;
  /** Name of the target that handles it. */
  readonly to: string;
  /** JSON; what it must contain is the target's affair. */
  readonly payload: unknown;
  /** When the next attempt is to be made, in milliseconds since the epoch. */
  readonly dueAt: number;
  /** When the API accepted it, in milliseconds since the epoch (whole seconds: AMQP's `timestamp` knows no finer). */
  readonly acceptedAt: number;
  /** Which attempt the next handling is, from 1. */
  readonly attempt: number;
  /** Names one act of scheduling it: copies and retries have the same, what is rescheduled another. */
  readonly delivery: string;
  /**
   * The revision of the claim by which this delivery came about, if it was by one: a verdict on the message that
   * has a lower revision was given when nobody could know of it. Below 0 if it came about on another broker.
   */
  readonly revision?: number;
  /** What came before, from the second attempt on. */
  readonly first?: FirstAttempt;
  /** How its retries differ from its target's. */
  readonly retry?: MessageRetry;
  /** The trace in which it was accepted; the same for every attempt. */
  readonly trace?: Trace | undefined;
}

/** What a message says of its own retries; see RetryPolicy for each. */
export interface MessageRetry {
  readonly maxAttempts?: number;
  readonly baseMs?: number;
  readonly capMs?: number;
}

/** The first attempt of a message that is tried again. */
export interface FirstAttempt {
  /** When it was due, in milliseconds since the epoch. */
  readonly dueAt: number;
  /** When it was made, in milliseconds since the epoch. */
  readonly at: number;
}

/** A message's body and properties, in AMQP's terms. */
export interface Envelope {
  readonly content: Buffer;
  readonly properties: EnvelopeProperties;
}

interface EnvelopeProperties {
  readonly messageId: string;
  readonly type: string;
  readonly timestamp: number;
  readonly contentType: 'application/json';
  readonly headers: Readonly<Record<string, string | number>>;
}

/** What arrives: nothing of it can be trusted yet. */
export interface RawEnvelope {
  readonly content: Buffer;
  readonly properties: {
    readonly messageId?: unknown;
    readonly type?: unknown;
    readonly timestamp?: unknown;
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
  };
}

/** Longest id in characters; AMQP's short strings end at 255 bytes. */
const LONGEST_ID = 128;

/** Writes a message down for the broker. */
export function encodeMessage(message: Message): Envelope {
  return {
    content: Buffer.from(JSON.stringify(message.payload)),
    properties: {
      messageId: message.id,
      type: message.to,
      timestamp: Math.floor(message.acceptedAt / 1000),
      contentType: 'application/json',
      headers: {
        'due-at': message.dueAt,
        delivery: message.delivery,
        attempt: message.attempt,
        ...(message.revision !== undefined && { revision: message.revision }),
        ...(message.first && { 'first-due-at': message.first.dueAt, 'first-attempt-at': message.first.at }),
        ...retryHeaders(message.retry),
        ...message.trace,
      },
    },
  };
}

/**
 * Reads a message that the broker delivered.
 *
 * @throws MalformedMessageError naming the first field that is not as it should be
 */
export function decodeMessage({ content, properties }: RawEnvelope): Message {
  const headers = properties.headers ?? {};
  const trace = traceOf(headers);
  return {
    id: text('message_id', properties.messageId),
    to: text('type', properties.type),
    payload: json(content),
    dueAt: integer('header due-at', headers['due-at'], 0),
    acceptedAt: integer('timestamp', properties.timestamp, 0) * 1000,
    attempt: integer('header attempt', headers.attempt, 1),
    delivery: text('header delivery', headers.delivery),
    ...(headers.revision !== undefined && {
      revision: integer('header revision', headers.revision, Number.MIN_SAFE_INTEGER),
    }),
    ...(headers['first-due-at'] !== undefined && { first: firstAttempt(headers) }),
    ...retryOf(headers),
    ...(trace && { trace }),
  };
}

const RETRY_HEADERS = {
  maxAttempts: 'retry-max-attempts',
  baseMs: 'retry-base-ms',
  capMs: 'retry-cap-ms',
} as const;

function retryHeaders(retry: MessageRetry = {}): Record<string, number> {
  const given = Object.entries(retry).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([field, value]) => [RETRY_HEADERS[field as keyof MessageRetry], value]),
  );
}

function retryOf(headers: Readonly<Record<string, unknown>>): Pick<Message, 'retry'> {
  const given = Object.entries(RETRY_HEADERS).filter(([, header]) => headers[header] !== undefined);
  if (given.length === 0) return {};
  const values = given.map(([field, header]) => {
    return [field, integer(`header ${header}`, headers[header], field === 'maxAttempts' ? 1 : 0)];
  });
  return { retry: Object.fromEntries(values) };
}

function firstAttempt(headers: Readonly<Record<string, unknown>>): FirstAttempt {
  return {
    dueAt: integer('header first-due-at', headers['first-due-at'], 0),
    at: integer('header first-attempt-at', headers['first-attempt-at'], 0),
  };
}

function text(field: string, value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= LONGEST_ID) return value;
  throw new MalformedMessageError(`${field} must be a string of 1 to ${LONGEST_ID} characters`);
}

/** The last moment that a Date can be (ECMA-262, 21.4.1.1), in milliseconds since the epoch. */
const LAST_MOMENT = 8.64e15;

function integer(field: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= LAST_MOMENT)
    return value;
  throw new MalformedMessageError(`${field} must be an integer of at least ${least}`);
}

function json(content: Buffer): unknown {
  try {
    return parseJson(content);
  } catch (cause) {
    throw new MalformedMessageError('the body is not JSON in UTF-8', { cause });
  }
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A ULID (https://github.com/ulid/spec) whose time is the due time: such ids sort by due time, and an id
 * alone says when its message is due.
 */
export function idDueAt(dueAt: number): string {
  let time = '';
  for (let rest = dueAt, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = CROCKFORD[rest % 32] + time;
  return time + randomDigits();
}

const RANDOM_DIGITS = 16;
/** Drawn for many ids at once: each call to the system costs more than all the rest of an id. */
const random = Buffer.alloc(256 * RANDOM_DIGITS);
let drawn = random.length;

function randomDigits(): string {
  if (drawn === random.length) {
    randomFillSync(random);
    drawn = 0;
  }
  let digits = '';
  for (const end = drawn + RANDOM_DIGITS; drawn < end; drawn++)
    digits += CROCKFORD[(random[drawn] as number) % 32];
  return digits;
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** The due time in an id that idDueAt has made, in milliseconds since the epoch; undefined for any other id. */
export function dueAtOfId(id: string): number | undefined {
  if (!ULID.test(id)) return undefined;
  return [...id.slice(0, 10)].reduce((time, character) => time * 32 + CROCKFORD.indexOf(character), 0);
}
