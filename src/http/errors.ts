/** From an error to an HTTP answer: the one place where that is decided. */
import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Request, Response } from 'express';
import {
  BrokerUnavailableError,
  DelayBrokerError,
  messageOf,
  OutcomeUnknownError,
  PublishRefusedError,
} from '../errors';
import type { Logger } from '../logger';
import { callerOf, ForbiddenTargetError, UnauthenticatedError } from './authentication';
import { BodyTooLargeError } from './body';
import { requestIdOf } from './request-id';
import { InvalidRequestError } from './validation';

/** RFC 9457 problem details. */
export interface Problem {
  readonly status: number;
  /** Stable name of the kind of problem, the end of its `type`. */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  /** What the client's software needs to know beside; default nothing. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** When to try again, in seconds, after a 503. */
const RETRY_AFTER_S = '1';

/** What a client has to bring (RFC 6750, 3). */
const CHALLENGE = 'Bearer realm="delay-broker"';

/** What problem details are sent as. */
export const PROBLEM_JSON = 'application/problem+json';

/** Answers with problem details. */
export function sendProblem(res: Response, problem: Problem): void {
  const { status, headers, body } = problemAnswer(problem);
  res.status(status).set(headers).send(JSON.stringify(body));
}

/** What an error is answered with, before it is sent. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Problem details, or the faults of a request; sent as JSON. */
  readonly body: object;
  /** What the log is to have; undefined for what concerns the client alone. */
  readonly log?: {
    readonly level: 'info' | 'warn' | 'error';
    readonly event: string;
    /** With the problem's kind as `reason`, where it has one. */
    readonly fields: { readonly reason?: string; readonly error: string };
  };
}

/** How loudly a refusal is logged: a broker's trouble is the operator's, a wrong key somebody else's. */
const REFUSAL_LEVELS: Readonly<Record<number, 'warn' | 'info'>> = { 401: 'info', 403: 'info', 503: 'warn' };

/** Answers whatever a route threw. Never a stack, never what only the log should know. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error, req, res, next) => {
    if (res.headersSent) return next(error);
    const { status, headers, body, log } = answerTo(error, prefersProblem(req));
    if (log) logger[log.level](log.event, { ...requestFields(req), ...log.fields });
    res.status(status).set(headers).send(JSON.stringify(body));
  };
}

/** What the log has of a request that went wrong. */
export function requestFields(req: Request) {
  const { method, path, ip } = req;
  return { method, path, requestId: requestIdOf(req), key: callerOf(req)?.name, ip };
}

/** Whether the client wants to read faults as problem details; an answer that depends on it varies with `Accept`. */
export function prefersProblem(req: Request): boolean {
  return req.accepts(['application/json', PROBLEM_JSON]) === PROBLEM_JSON;
}

/**
 * The answer to whatever was thrown, for a whole request or for one message of many.
 *
 * @param asProblem whether faults are told as problem details
 */
export function answerTo(error: unknown, asProblem: boolean): ErrorAnswer {
  if (error instanceof InvalidRequestError) return invalid(error, asProblem);
  const problem = problemOf(error);
  if (!problem) return unexpected(error);
  const answer = problemAnswer(problem);
  const level = REFUSAL_LEVELS[problem.status];
  if (!level) return answer;
  const fields = { reason: problem.kind, error: messageOf(error) };
  return { ...answer, log: { level, event: 'refused', fields } };
}

/** Problem details as an answer. */
export function problemAnswer(
  { status, kind, title, detail, headers }: Problem,
  more: object = {},
): ErrorAnswer {
  return {
    status,
    headers: { ...headers, 'Content-Type': PROBLEM_JSON },
    body: { type: `urn:delay-broker:problem:${kind}`, title, status, detail, ...more },
  };
}

function invalid({ message, faults }: InvalidRequestError, asProblem: boolean): ErrorAnswer {
  const { status, headers, body } = asProblem
    ? problemAnswer(
        { status: 422, kind: 'invalid-request', title: 'Invalid request', detail: message },
        { errors: faults },
      )
    : { status: 422, headers: { 'Content-Type': 'application/json' }, body: { detail: faults } };
  return { status, headers: { ...headers, Vary: 'Accept' }, body };
}

function unexpected(error: unknown): ErrorAnswer {
  const errorId = randomUUID();
  const detail = `It is in the log under ${errorId}.`;
  const problem = { status: 500, kind: 'internal', title: 'Unexpected error', detail };
  const fields = { errorId, error: messageOf(error), stack: (error as Error)?.stack };
  return {
    ...problemAnswer(problem, { error_id: errorId }),
    log: { level: 'error', event: 'unexpected error', fields },
  };
}

/** Errors whose message is all that the client has to know. */
const PLAIN_PROBLEMS: Readonly<Record<string, Omit<Problem, 'detail'>>> = {
  cross_site: { status: 403, kind: 'cross-site', title: 'From another site' },
  unknown_message: { status: 404, kind: 'unknown-message', title: 'Unknown message' },
  unknown_schedule: { status: 404, kind: 'unknown-schedule', title: 'Unknown schedule' },
  broken_schedule: { status: 409, kind: 'broken-schedule', title: 'Broken schedule' },
  too_late: { status: 409, kind: 'too-late', title: 'Too late' },
  id_taken: { status: 409, kind: 'id-taken', title: 'Id taken' },
  in_progress: { status: 409, kind: 'in-progress', title: 'In progress' },
  url_too_long: { status: 414, kind: 'url-too-long', title: 'URL too long' },
  idempotency_key_reused: { status: 422, kind: 'idempotency-key-reused', title: 'Idempotency-Key reused' },
  too_many_requests: { status: 429, kind: 'too-many-requests', title: 'Too many requests' },
  ledger_off: { status: 501, kind: 'ledger-off', title: 'Ledger switched off' },
};

function problemOf(error: unknown): Problem | undefined {
  const plain = error instanceof DelayBrokerError ? PLAIN_PROBLEMS[error.code] : undefined;
  if (plain) return { ...plain, detail: messageOf(error) };
  if (error instanceof UnauthenticatedError) return unauthenticated(error);
  if (error instanceof ForbiddenTargetError) {
    const headers = { 'WWW-Authenticate': `${CHALLENGE}, error="insufficient_scope"` };
    const detail = error.message;
    return { status: 403, kind: 'forbidden-target', title: 'Not with this key', detail, headers };
  }
  return brokerProblem(error) ?? bodyProblem(error);
}

function unauthenticated({ message, keySent }: UnauthenticatedError): Problem {
  return {
    status: 401,
    kind: 'unauthenticated',
    title: 'Key needed',
    detail: message,
    headers: { 'WWW-Authenticate': keySent ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE },
  };
}

function brokerProblem(error: unknown): Problem | undefined {
  const headers = { 'Retry-After': RETRY_AFTER_S };
  if (error instanceof BrokerUnavailableError || error instanceof PublishRefusedError) {
    const detail = `${error.message} Try again.`;
    return { status: 503, kind: error.code.replaceAll('_', '-'), title: 'Not done', detail, headers };
  }
  if (error instanceof OutcomeUnknownError) {
    const detail = error.message;
    return { status: 503, kind: 'outcome-unknown', title: 'Outcome unknown', detail, headers };
  }
  return undefined;
}

function bodyProblem(error: unknown): Problem | undefined {
  const limitBytes = exceededBy(error);
  if (limitBytes !== undefined) {
    const detail = `The body must not exceed ${sizeOf(limitBytes)}.`;
    return { status: 413, kind: 'too-large', title: 'Body too large', detail };
  }
  const status = statusOf(error);
  if (status >= 400 && status < 500) {
    return { status, kind: 'bad-request', title: 'Bad request', detail: messageOf(error) };
  }
  return undefined;
}

/** A limit as a person would write it. */
function sizeOf(bytes: number): string {
  if (bytes % 1_048_576 === 0) return `${bytes / 1_048_576} MiB`;
  return bytes % 1_024 === 0 ? `${bytes / 1_024} KiB` : `${bytes} bytes`;
}

/** What a request is that never became one, by the error code of Node's HTTP parser. */
export function protocolProblem(error: Error): Problem {
  switch ('code' in error ? error.code : undefined) {
    case 'HPE_HEADER_OVERFLOW': {
      const detail = 'Request line and headers must not exceed 16 KiB.';
      return { status: 431, kind: 'headers-too-large', title: 'Headers too large', detail };
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT': {
      const detail = 'The request did not arrive in time.';
      return { status: 408, kind: 'request-timeout', title: 'Request timeout', detail };
    }
    default:
      return { status: 400, kind: 'bad-request', title: 'Bad request', detail: 'This is not HTTP/1.1.' };
  }
}

/** The limit that a body exceeds; undefined when the error is about something else. */
function exceededBy(error: unknown): number | undefined {
  if (error instanceof BodyTooLargeError) return error.limitBytes;
  // body-parser's errors carry a `type` and a `status` (https://github.com/expressjs/body-parser#errors).
  const { type, limit } = error instanceof Error ? (error as Error & { type?: string; limit?: number }) : {};
  return type === 'entity.too.large' ? limit : undefined;
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'status' in error ? Number(error.status) : 500;
}
