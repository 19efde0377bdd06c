/** From an HTTP answer, or the lack of one, to an outcome. Pure; what is called and how stands in http-caller.ts. */
import { AddressRefusedError, messageOf } from '../../errors';
import { done, type Outcome, reject, retry } from '../outcome';

/** What counts of an answer. Its body never does. */
export interface Answer {
  readonly status: number;
  /** The Retry-After header (RFC 9110, 10.2.3). */
  readonly retryAfter?: string | undefined;
}

/** 4xx that may pass: request timeout, too early, too many requests. */
const PASSING = new Set([408, 425, 429]);

/** Errors that undici raises before it sends anything: the same request fails however often it is tried. */
const UNSENDABLE = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

/**
 * What an answer means for the message.
 *
 * @param call names the call in errors, such as `POST shop.example`
 * @param now when the answer came, in milliseconds since the epoch
 */
export function outcomeOfAnswer(call: string, { status, retryAfter }: Answer, now: number): Outcome {
  if (status >= 200 && status < 300) return done;
  const error = `${call} answered ${status}`;
  if (status >= 300 && status < 400) return reject(`${error}: redirects are not followed`);
  if (status >= 500 || PASSING.has(status)) return retry(error, retryAfterMs(retryAfter, now));
  return reject(error);
}

/**
 * What it means that there was no answer: time-outs, refused connections, unknown hosts and broken
 * connections may pass, a refused address does not.
 *
 * @param call names the call in errors
 */
export function outcomeOfFailure(call: string, error: unknown): Outcome {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const final = error instanceof AddressRefusedError || UNSENDABLE.has(code);
  return (final ? reject : retry)(`${call}: ${messageOf(error)}`);
}

/** The three forms of an HTTP date (RFC 9110, 5.6.7) begin with a day's name; only asctime's leaves out that it is GMT. */
const HTTP_DATE = /^(Mon|Tues?|Wed(nes)?|Thu(rs)?|Fri|Sat(ur)?|Sun)(day)?[, ]/;

/**
 * How long a callee asks to wait, in milliseconds; undefined when it does not, or in no form that RFC 9110 knows.
 *
 * @param now what a date is relative to, in milliseconds since the epoch
 */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  const asked = value?.trim() ?? '';
  if (/^\d+$/.test(asked)) return Number(asked) * 1000;
  if (!HTTP_DATE.test(asked)) return undefined;
  const at = Date.parse(asked.endsWith(' GMT') ? asked : `${asked} GMT`);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
