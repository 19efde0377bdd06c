/**
 * Who sends a request, and what that allows. Runs before every route, so that none is open because somebody
 * forgot it; a route only asks for the target that it deals with.
 */
import type { Request, RequestHandler } from 'express';
import { DelayBrokerError } from '../errors';
import { type ApiKey, findApiKey } from './api-keys';

/** Who sends a request. */
export interface Caller {
  /** The key's name; undefined for whoever needed no key. */
  readonly name: string | undefined;
  /** The targets that the caller is bound to; undefined when there are no bounds. */
  readonly targets: readonly string[] | undefined;
}

/** Who needs a key. */
export interface AuthenticationOptions {
  /** The keys that are good; with none of them nobody needs one. */
  readonly keys: readonly ApiKey[];
  /** Paths that need no key, exactly as they are requested. */
  readonly publicPaths: readonly string[];
}

/** No key was sent where one is needed, or one that is not good. */
export class UnauthenticatedError extends DelayBrokerError {
  readonly code = 'unauthenticated';
  /** Whether a key was sent. */
  readonly keySent: boolean;
  constructor(keySent: boolean) {
    super(
      keySent
        ? 'This key is not good here. Check it, or ask for a new one.'
        : 'A key is needed. Send it as "Authorization: Bearer KEY".',
    );
    this.keySent = keySent;
  }
}

/** The caller's key is bound to other targets. */
export class ForbiddenTargetError extends DelayBrokerError {
  readonly code = 'forbidden_target';
}

const ANYBODY: Caller = { name: undefined, targets: undefined };

const callers = new WeakMap<Request, Caller>();

/** Finds out who sends a request; does not refuse anything yet, so that refusals can be counted by caller. */
export function identifyCaller({ keys, publicPaths }: AuthenticationOptions): RequestHandler {
  return (req, _res, next) => {
    const presented = bearerToken(req.headers.authorization);
    const key = presented === undefined ? undefined : findApiKey(keys, presented);
    if (key) callers.set(req, key);
    else if (keys.length === 0 || publicPaths.includes(req.path)) callers.set(req, ANYBODY);
    next();
  };
}

/** Refuses whoever has not been identified; throws UnauthenticatedError. */
export const requireCaller: RequestHandler = (req, _res, next) => {
  if (!callers.has(req)) throw new UnauthenticatedError(req.headers.authorization !== undefined);
  next();
};

/** Who sends this request; undefined before identifyCaller has run, and for whoever it has not identified. */
export function callerOf(req: Request): Caller | undefined {
  return callers.get(req);
}

/** The targets that the request's caller is bound to; undefined when there are no bounds. */
export function boundTargets(req: Request): readonly string[] | undefined {
  return callers.has(req) ? callers.get(req)?.targets : [];
}

/** Whether the request's caller may deal with a target; `delay.unroutable` counts as one. */
export function mayUse(req: Request, target: string): boolean {
  return boundTargets(req)?.includes(target) ?? true;
}

/**
 * Makes sure that the request's caller may deal with a target: schedule to it, look at its messages, change them.
 *
 * @throws ForbiddenTargetError
 */
export function requireTarget(req: Request, target: string): void {
  if (mayUse(req, target)) return;
  const allowed = boundTargets(req) ?? [];
  throw new ForbiddenTargetError(`This key is bound to ${allowed.join(', ')} and not good for ${target}.`);
}

/** The scheme's name is case-insensitive (RFC 9110, 11.1), the token RFC 6750's. */
function bearerToken(authorization = ''): string | undefined {
  return /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization)?.[1];
}
