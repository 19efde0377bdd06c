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
import { InvalidRequestError } from './validation';

/** RFC 9457 problem details. */
export interface Problem {
  readonly status: number;
  /** Stable name of the kind of problem, the end of its `type`. */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
}

/** When to try again, in seconds, after a 503. */
const RETRY_AFTER_S = '1';

/** Answers with problem details. */
export function sendProblem(
  res: Response,
  { status, kind, title, detail }: Problem,
  more: object = {},
): void {
  res
    .status(status)
    .set('Content-Type', 'application/problem+json')
    .send(JSON.stringify({ type: `urn:delay-broker:problem:${kind}`, title, status, detail, ...more }));
}

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
      if (problem.status === 503) {
        logger.warn('refused', {
          method: req.method,
          path: req.path,
          reason: problem.kind,
          error: messageOf(error),
        });
        res.set('Retry-After', RETRY_AFTER_S);
      }
      return sendProblem(res, problem);
    }
    const errorId = randomUUID();
    logger.error('unexpected error', {
      errorId,
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
const PLAIN_PROBLEMS: Readonly<Record<string, Omit<Problem, 'detail' | 'kind'>>> = {
  unknown_message: { status: 404, title: 'Unknown message' },
  too_late: { status: 409, title: 'Too late' },
  id_taken: { status: 409, title: 'Id taken' },
  in_progress: { status: 409, title: 'In progress' },
  idempotency_key_reused: { status: 422, title: 'Idempotency-Key reused' },
  ledger_off: { status: 501, title: 'Ledger switched off' },
};

function problemOf(error: unknown): Problem | undefined {
  const plain = error instanceof DelayBrokerError ? PLAIN_PROBLEMS[error.code] : undefined;
  if (plain) return { ...plain, kind: kindOf(error as DelayBrokerError), detail: messageOf(error) };
  if (error instanceof BrokerUnavailableError || error instanceof PublishRefusedError) {
    const detail = `${error.message} Try again.`;
    return { status: 503, kind: kindOf(error), title: 'Not done', detail };
  }
  if (error instanceof OutcomeUnknownError) {
    return { status: 503, kind: 'outcome-unknown', title: 'Outcome unknown', detail: error.message };
  }
  // body-parser's errors carry a `type` and a `status` (https://github.com/expressjs/body-parser#errors).
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

function kindOf({ code }: DelayBrokerError): string {
  return code.replaceAll('_', '-');
}

function typeOf(error: unknown): unknown {
  return error instanceof Error && 'type' in error ? error.type : undefined;
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'status' in error ? Number(error.status) : 500;
}
