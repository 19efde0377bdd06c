/** How many requests a caller may send. Each process counts by itself. */
import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { DelayBrokerError } from '../errors';
import { callerOf } from './authentication';
import { HEALTH_PATHS } from './public-paths';

/** A number of requests in a time. */
export interface RateLimit {
  readonly requests: number;
  readonly windowMs: number;
}

/** The caller has sent more requests than it may; the answer's `Retry-After` says when to go on. */
export class TooManyRequestsError extends DelayBrokerError {
  readonly code = 'too_many_requests';
}

const WINDOWS_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000 };

/**
 * Reads a limit such as `100/s` or `6000/min`.
 *
 * @throws RangeError when it is none
 */
export function parseRateLimit(text: string): RateLimit {
  const [, requests, unit = ''] = /^([1-9]\d{0,8})\/(s|min)$/.exec(text.trim()) ?? [];
  const windowMs = WINDOWS_MS[unit];
  if (windowMs === undefined) throw new RangeError('must be a rate such as 100/s or 6000/min');
  return { requests: Number(requests), windowMs };
}

/**
 * Refuses what exceeds the limit with a TooManyRequestsError, and says in each answer how much is left (`RateLimit`,
 * draft-ietf-httpapi-ratelimit-headers-08). Health is never refused: a busy process must not be taken for a dead one.
 */
export function limitRate({ requests, windowMs }: RateLimit): RequestHandler {
  return rateLimit({
    windowMs,
    limit: requests,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: countedBy,
    skip: (req) => HEALTH_PATHS.includes(req.path),
    handler: (req, _res, next) =>
      next(new TooManyRequestsError(`${whoOf(req)} may send ${requests} requests in ${windowMs / 1000} s.`)),
    // Its checks of proxy settings write to the console; TRUST_PROXY is checked at start.
    validate: false,
  });
}

/** By key; whoever has none by address, an IPv6 one by its network, of which one customer has many. */
function countedBy(req: Request): string {
  const { name } = callerOf(req) ?? {};
  return name === undefined ? `ip ${ipKeyGenerator(req.ip ?? 'unknown')}` : `key ${name}`;
}

function whoOf(req: Request): string {
  const { name } = callerOf(req) ?? {};
  return name === undefined ? 'Each address' : `The key ${name}`;
}
