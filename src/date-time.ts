/** Points in time as callers write them: RFC 3339 with an offset. */
import { z } from 'zod';

/** A date and time with offset, as it was written. */
export const rfc3339 = z.iso.datetime({
  offset: true,
  error: 'must be an RFC 3339 date and time with offset, such as "2026-12-24T18:00:00+01:00"',
});

/** A date and time with offset; comes out in milliseconds since the epoch. */
export const dateTime = rfc3339.transform(epochMs);

/** A point in time as somebody somewhere sees it. */
export interface LocalTime {
  /** In milliseconds since the epoch. */
  readonly time: number;
  /** How far the clocks there are ahead of UTC, in minutes. */
  readonly offsetMinutes: number;
}

/** A date and time with offset, which is kept. */
export const localTime = rfc3339.transform(
  (text): LocalTime => ({ time: epochMs(text), offsetMinutes: offsetMinutesOf(text) }),
);

/** Z is none. */
function offsetMinutesOf(text: string): number {
  const [, sign = '+', hours = 0, minutes = 0] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) || 0;
}

/** Fractions finer than a millisecond are rounded up: never early. */
function epochMs(text: string): number {
  const [, finer = ''] = /\.\d{3}(\d+)/.exec(text) ?? [];
  return Date.parse(text) + (/[1-9]/.test(finer) ? 1 : 0);
}
