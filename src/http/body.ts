/** Reading a request's body: JSON in UTF-8, of at most 256 KiB. */
import express, { type RequestHandler } from 'express';
import { parseJson } from '../json';
import { InvalidRequestError, notJson } from './validation';

const LIMIT_BYTES = 256 * 1024;

/** Leaves the parsed body in `req.body`; undefined when there is none, or none marked as JSON. */
export const jsonBody: RequestHandler[] = [
  express.raw({ type: 'application/json', limit: LIMIT_BYTES }),
  (req, _res, next) => {
    const body: unknown = req.body;
    req.body = Buffer.isBuffer(body) && body.length > 0 ? parse(body) : undefined;
    next();
  },
];

function parse(body: Buffer): unknown {
  try {
    return parseJson(body, withoutProto);
  } catch (error) {
    throw error instanceof InvalidRequestError
      ? error
      : notJson('json_invalid', 'the body is not JSON in UTF-8');
  }
}

/** JSON.parse makes a field of its own of `__proto__`; whoever merges such an object later changes its prototype. */
function withoutProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw notJson('json_invalid', 'a field must not be called __proto__');
  return value;
}
