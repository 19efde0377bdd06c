/** Reading a request's body: JSON in UTF-8, of at most 256 KiB. */
import express, { type RequestHandler } from 'express';
import { DelayBrokerError } from '../errors';
import { parseJson } from '../json';
import { InvalidRequestError, notJson } from './validation';

/** Largest body of one message, in bytes. */
export const LIMIT_BYTES = 256 * 1024;

/** A body that is larger than it may be, and was read nevertheless. */
export class BodyTooLargeError extends DelayBrokerError {
  readonly code = 'too_large';
  constructor(readonly limitBytes: number) {
    super('The body is too large.');
  }
}

/** Leaves the parsed body in `req.body`; undefined when there is none, or none marked as JSON. */
export const jsonBody: RequestHandler[] = [
  express.raw({ type: 'application/json', limit: LIMIT_BYTES }),
  (req, _res, next) => {
    const body: unknown = req.body;
    req.body = Buffer.isBuffer(body) && body.length > 0 ? parseBody(body) : undefined;
    next();
  },
];

/**
 * A body as JSON.
 *
 * @throws InvalidRequestError
 */
export function parseBody(body: Buffer): unknown {
  try {
    return parseJson(body, isHarmless(body) ? undefined : withoutProto);
  } catch (error) {
    throw error instanceof InvalidRequestError
      ? error
      : notJson('json_invalid', 'the body is not JSON in UTF-8');
  }
}

/** So short that it cannot be nested too deep to be written again, in bytes. */
const SHORT_BYTES = 4_096;

/** Looking at each field costs more than all the rest of reading, and hardly any body has a field to look for. */
function isHarmless(body: Buffer): boolean {
  return body.length <= SHORT_BYTES && !mayNameProto(body);
}

/** Whether a field may be called `__proto__`, be it in escapes. */
export function mayNameProto(json: Buffer): boolean {
  return json.includes('__proto__') || json.includes('\\u');
}

/** JSON.parse makes a field of its own of `__proto__`; whoever merges such an object later changes its prototype. */
function withoutProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw notJson('json_invalid', 'a field must not be called __proto__');
  return value;
}
