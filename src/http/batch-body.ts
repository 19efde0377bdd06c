/** Reading a batch: a JSON array, or NDJSON with a message on each line. */
import express, { type RequestHandler } from 'express';
import { parseJson } from '../json';
import { BodyTooLargeError, LIMIT_BYTES, mayNameProto, parseBody } from './body';
import { InvalidRequestError, notJson } from './validation';

/** Largest body of a batch in bytes, unless another size is given. */
export const BATCH_MAX_BYTES = 8 * 1024 * 1024;

/** Most messages of a batch. */
export const MOST_MESSAGES = 1_000;

/** What NDJSON (https://github.com/ndjson/ndjson-spec) is sent as. */
export const NDJSON = 'application/x-ndjson';

const REMEDY = `send a JSON array with Content-Type: application/json, or a message on each line with ${NDJSON}`;

/** Reads one message of a batch as the body of a request of its own would be; throws what such a body makes throw. */
export type BatchItem = () => unknown;

/**
 * Leaves a BatchItem for each message in `req.body`. Fails with an InvalidRequestError where there are none or too
 * many of them; what is wrong with one does not show before it is read.
 */
export function batchBody(maxBytes: number): RequestHandler[] {
  return [
    express.raw({ type: ['application/json', NDJSON], limit: maxBytes }),
    (req, _res, next) => {
      const body: unknown = req.body;
      if (!Buffer.isBuffer(body) || body.length === 0)
        throw notJson('json_missing', 'the body is empty, or marked as neither', REMEDY);
      const items = req.is(NDJSON) ? linesOf(body) : elementsOf(body);
      if (items.length === 0) throw wrongNumber('too_small');
      if (items.length > MOST_MESSAGES) throw wrongNumber('too_big');
      req.body = items;
      next();
    },
  ];
}

/** Empty lines do not count. */
function linesOf(body: Buffer): BatchItem[] {
  const items: BatchItem[] = [];
  let start = afterBlanks(body, 0);
  while (start < body.length && items.length <= MOST_MESSAGES) {
    const feed = body.indexOf('\n', start);
    const end = feed < 0 ? body.length : feed;
    const line = body.subarray(start, end);
    items.push(() => itemIn(line));
    start = afterBlanks(body, end);
  }
  return items;
}

const BLANKS = new Set(Buffer.from(' \t\r\n'));

function afterBlanks(body: Buffer, from: number): number {
  let at = from;
  while (at < body.length && BLANKS.has(body[at] as number)) at++;
  return at;
}

function elementsOf(body: Buffer): BatchItem[] {
  const perhapsProto = mayNameProto(body);
  return arrayIn(body).map((element) => () => {
    const text = written(element);
    if (perhapsProto) return itemIn(Buffer.from(text));
    refuseLong(Buffer.byteLength(text));
    return element;
  });
}

/** Written down once more, an element is subject to the same limits as a line. */
function written(element: unknown): string {
  try {
    return JSON.stringify(element);
  } catch {
    throw notJson('json_invalid', 'the message is nested too deep');
  }
}

function arrayIn(body: Buffer): unknown[] {
  let parsed: unknown;
  try {
    parsed = parseJson(body);
  } catch {
    throw notJson('json_invalid', 'the body is not JSON in UTF-8', REMEDY);
  }
  if (Array.isArray(parsed)) return parsed;
  throw notJson('json_invalid', 'the body must be an array', REMEDY);
}

function itemIn(text: Buffer): unknown {
  refuseLong(text.length);
  return parseBody(text);
}

function refuseLong(bytes: number): void {
  if (bytes > LIMIT_BYTES) throw new BodyTooLargeError(LIMIT_BYTES);
}

function wrongNumber(type: 'too_small' | 'too_big'): InvalidRequestError {
  return new InvalidRequestError([{ loc: ['body'], msg: `must be 1 to ${MOST_MESSAGES} messages`, type }]);
}
