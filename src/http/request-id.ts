/** A name for each request, by which its answer, its log lines and the caller's own log are brought together. */
import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';

/** What is taken over from a client: nothing that could pass for something else in a log. */
const GOOD_ID = /^[\w.:/+=@-]{1,128}$/;

const ids = new WeakMap<Request, string>();

/** Takes `X-Request-Id` from the request where it is good, else makes one, and returns it with the answer. */
export const nameRequest: RequestHandler = (req, res, next) => {
  const given = req.get('X-Request-Id');
  const id = given !== undefined && GOOD_ID.test(given) ? given : newRequestId();
  ids.set(req, id);
  res.set('X-Request-Id', id);
  next();
};

/** An id for a request that has none. */
export const newRequestId = (): string => randomUUID();

/** The request's id; undefined before nameRequest has run. */
export function requestIdOf(req: Request): string | undefined {
  return ids.get(req);
}
