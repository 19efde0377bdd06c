/** When: a delay, or a point in time. */
import { z } from 'zod';
import type { Clock } from '../clock';
import { durationMs } from '../duration';
import { rfc3339 } from '../targets';
import { LONGEST_DELAY_MS } from '../wheel';
import type { Fault } from './validation';

const TOO_LONG = 'must not be more than 3650 days ahead';

/** A duration such as `30m`, up to the longest delay; comes out in milliseconds. */
export const delay = z.string().transform((value, context) => {
  const delayMs = durationMs(value);
  if (delayMs !== undefined && delayMs <= LONGEST_DELAY_MS) return delayMs;
  context.addIssue(
    delayMs === undefined ? 'must be a duration such as "30m", "1h30m", "500ms" or "PT30M"' : TOO_LONG,
  );
  return z.NEVER;
});

/** A date and time with offset; comes out in milliseconds since the epoch. */
export const dateTime = rfc3339.transform(epochMs);

/** Fractions finer than a millisecond are rounded up: never early. */
function epochMs(text: string): number {
  const [, finer = ''] = /\.\d{3}(\d+)/.exec(text) ?? [];
  return Date.parse(text) + (/[1-9]/.test(finer) ? 1 : 0);
}

/** The fields of which a request has exactly one; see whenFaults. */
export const whenFields = (clock: Clock) => ({
  delay: delay
    .optional()
    .describe('How long to wait: a duration such as "30m", "1h30m", "500ms" or "PT30M", 3650 days at most'),
  delay_ms: z.int().min(0).max(LONGEST_DELAY_MS).optional().describe('How long to wait, in milliseconds'),
  deliver_at: dateTime
    .refine((dueAt) => dueAt - clock() <= LONGEST_DELAY_MS, TOO_LONG)
    .optional()
    .describe('When: RFC 3339 with an offset; what lies in the past is due now'),
});

/** One of them, as it came out of its schema. */
export interface When {
  readonly delay?: number | undefined;
  readonly delay_ms?: number | undefined;
  readonly deliver_at?: number | undefined;
}

/** The due time, in milliseconds since the epoch. */
export function dueAtOf({ delay, delay_ms, deliver_at }: When, now: number): number {
  return deliver_at ?? now + (delay ?? delay_ms ?? 0);
}

/** The fields of which a request has exactly one. */
export const WHEN_FIELDS = ['delay', 'delay_ms', 'deliver_at'] as const;

/** What is wrong where there is none of the fields, or more than one. */
export function whenFaults(body: Readonly<Record<string, unknown>>): Fault[] {
  const given = WHEN_FIELDS.filter((field) => body[field] !== undefined);
  const msg = `exactly one of ${WHEN_FIELDS.join(', ')} is needed`;
  if (given.length === 0) return [{ loc: ['body', 'delay'], msg, type: 'missing' }];
  return given.slice(1).map((field) => ({
    loc: ['body', field],
    msg: `${msg}, but ${given[0]} is there too`,
    type: 'conflict',
  }));
}
