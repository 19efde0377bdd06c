/** From an error to an HTTP answer: the one place where that is decided. */
import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Response } from 'express';
import {
  BrokerUnavailableError,
  DelayBrokerError,
  messageOf,
  OutcomeUnknownError,
  PublishRefusedError,
} from '../errors';
import type { Logger } from '../logger';
import { callerOf, ForbiddenTargetError, UnauthenticatedError } from './authentication';
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

/** Problem details as they are sent. */
export function problemText({ status, kind, title, detail }: Problem, more: object = {}): string {
  return JSON.stringify({ type: `urn:delay-broker:problem:${kind}`, title, status, detail, ...more });
}

/** Answers with problem details. */
export function sendProblem(res: Response, problem: Problem, more: object = {}): void {
  res
    .status(problem.status)
    .set(problem.headers ?? {})
    .set('Content-Type', 'application/problem+json')
    .send(problemText(problem, more));
}

/** How loudly a refusal is logged: a broker's trouble is the operator's, a wrong key somebody else's. */
const REFUSAL_LEVELS: Readonly<Record<number, 'warn' | 'info'>> = { 401: 'info', 403: 'info', 503: 'warn' };

/** Answers whatever a route threw. Never a stack, never what only the log should know. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error, req, res, next) => {
    if (res.headersSent) return next(error);
    if (error instanceof InvalidRequestError) {
      const preferred = req.accepts(['application/json', 'application/problem+json']);
      return sendInvalid(res, error, preferred === 'application/problem+json');
    }
    const problem = problemOf(error);
    if (problem) {
      const level = REFUSAL_LEVELS[problem.status];
      if (level) {
        logger[level]('refused', {
          method: req.method,
          path: req.path,
          reason: problem.kind,
          error: messageOf(error),
          requestId: requestIdOf(req),
          key: callerOf(req)?.name,
          ip: req.ip,
        });
      }
      return sendProblem(res, problem);
    }
    const errorId = randomUUID();
    logger.error('unexpected error', {
      errorId,
      requestId: requestIdOf(req),
      method: req.method,
      path: req.path,
      error: messageOf(error),
      stack: (error as Error)?.stack,
    });
    sendProblem(
      res,
      {
        status: 500,
        kind: 'internal',
        title: 'Unexpected error',
        detail: `It is in the log under ${errorId}.`,
      },
      { error_id: errorId },
    );
  };
}

function sendInvalid(res: Response, { message, faults }: InvalidRequestError, asProblem: boolean): void {
  res.vary('Accept');
  if (!asProblem) {
    res.status(422).json({ detail: faults });
    return;
  }
  sendProblem(
    res,
    { status: 422, kind: 'invalid-request', title: 'Invalid request', detail: message },
    { errors: faults },
  );
}

/** Errors whose message is all that the client has to know. */
const PLAIN_PROBLEMS: Readonly<Record<string, Omit<Problem, 'detail'>>> = {
  unknown_message: { status: 404, kind: 'unknown-message', title: 'Unknown message' },
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

/** body-parser's errors carry a `type` and a `status` (https://github.com/expressjs/body-parser#errors). */
function bodyProblem(error: unknown): Problem | undefined {
  if (typeOf(error) === 'entity.too.large') {
    return {
      status: 413,
      kind: 'too-large',
      title: 'Body too large',
      detail: 'The body must not exceed 256 KiB.',
    };
  }
  const status = statusOf(error);
  if (status >= 400 && status < 500) {
    return { status, kind: 'bad-request', title: 'Bad request', detail: messageOf(error) };
  }
  return undefined;
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

function typeOf(error: unknown): unknown {
  return error instanceof Error && 'type' in error ? error.type : undefined;
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'status' in error ? Number(error.status) : 500;
}
