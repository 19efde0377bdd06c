/** Points in time as callers write them: RFC 3339 with an offset. */
import { z } from 'zod';

/** A date and time with offset; comes out in milliseconds since the epoch. */
export const dateTime = z.iso
  .datetime({
    offset: true,
    error: 'must be an RFC 3339 date and time with offset, such as "2026-12-24T18:00:00+01:00"',
  })
  .transform(epochMs);

/** Fractions finer than a millisecond are rounded up: never early. */
function epochMs(text: string): number {
  const [, finer = ''] = /\.\d{3}(\d+)/.exec(text) ?? [];
  return Date.parse(text) + (/[1-9]/.test(finer) ? 1 : 0);
}
