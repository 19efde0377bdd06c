/** What a schedule is, as it is put, kept in the control stream, and shown: when it runs, and what is sent then. */
import { z } from 'zod';
import { dateTime, rfc3339 } from '../date-time';
import { durationMs } from '../duration';
import { TARGET_NAMES, text } from '../targets';
import { timeZone } from '../time-zone';
import { LONGEST_DELAY_MS } from '../wheel';
import { cronFault, LONGEST_CRON } from './cron';
import { type Timing, timesOf } from './times';

/** What may be done about runs that were missed. */
const CATCH_UP = ['last', 'none', 'all'] as const;

/** Shortest interval, in milliseconds. */
const SHORTEST_MS = 1_000;

const interval = z.string().refine(
  (value) => {
    const everyMs = durationMs(value);
    return everyMs !== undefined && everyMs >= SHORTEST_MS && everyMs <= LONGEST_DELAY_MS;
  },
  { error: 'must be a duration such as "15m", "1h30m" or "PT15M", of 1 s at least and 3650 days at most' },
);

const fields = z.strictObject({
  cron: z
    .string()
    .max(LONGEST_CRON)
    .superRefine((expression, context) => {
      const fault = cronFault(expression);
      if (fault !== undefined) context.addIssue(fault);
    })
    .optional()
    .describe('Minute, hour, day of month, month and day of week, with seconds before them if there are six'),
  every: interval.optional().describe('Instead of `cron`: a duration such as "15m", 1 s at least'),
  timezone: timeZone.default('UTC').describe('The IANA zone that `cron` is read in'),
  to: z.enum(TARGET_NAMES).describe('The target of each run'),
  payload: z.unknown().describe('What the target takes'),
  run_at_startup: z.boolean().default(false).describe('Runs once when it is first put as well'),
  starts_at: rfc3339.optional().describe('The first moment of its regular runs: RFC 3339 with an offset'),
  ends_at: rfc3339.optional().describe('The last such moment'),
  catch_up: z
    .enum(CATCH_UP)
    .default('last')
    .describe('Of runs that were missed: the last, none, or all, up to 100'),
  paused: z.boolean().default(false).describe('Does not run until it is put without'),
});

/** What its times follow from. */
const timingFields = fields
  .pick({ cron: true, every: true, timezone: true, starts_at: true, ends_at: true })
  .strip();

/** A schedule, as its fields are written down. */
export type Definition = z.output<typeof fields>;

/** The fields, for what describes them; definitionSchema says what else must hold. */
export const definitionFields = fields;

/** A schedule whose fields go together. Its payload is up to its target. */
export const definitionSchema = fields.superRefine((definition, context) => {
  for (const { path, message } of faultsOf(definition)) {
    context.addIssue({ code: 'custom', path: [path], message, input: definition[path] ?? null });
  }
});

/** What is wrong with the fields taken together, or nothing. */
function faultsOf(definition: Definition): { path: keyof Definition; message: string }[] {
  const { cron, every, starts_at, ends_at } = definition;
  if (cron === undefined && every === undefined)
    return [{ path: 'cron', message: 'exactly one of cron, every is needed' }];
  if (cron !== undefined && every !== undefined)
    return [{ path: 'every', message: 'exactly one of cron, every is needed, but cron is there too' }];
  // Zod looks at the fields together also where one of them is wrong by itself, and that is said already.
  if (starts_at === undefined || ends_at === undefined || !timingFields.safeParse(definition).success)
    return [];
  const { startsAt = 0, endsAt = 0 } = timingOf(definition);
  if (endsAt < startsAt) return [{ path: 'ends_at', message: 'must not be before starts_at' }];
  const fires = timesOf(timingOf(definition)).next(startsAt - 1) !== undefined;
  return fires
    ? []
    : [{ path: 'ends_at', message: 'must leave a run: there is none from starts_at up to it' }];
}

/** When a schedule runs. */
export function timingOf(definition: Definition): Timing {
  const { cron, every, timezone, starts_at, ends_at } = definition;
  return {
    ...(cron !== undefined && { cron }),
    ...(every !== undefined && { everyMs: durationMs(every) }),
    timezone,
    ...(starts_at !== undefined && { startsAt: dateTime.parse(starts_at) }),
    ...(ends_at !== undefined && { endsAt: dateTime.parse(ends_at) }),
  };
}

/** A schedule's name, which stands in paths and in the ids of its runs. */
export const scheduleName = text
  .max(64)
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._~-]+$/, {
    error: 'must consist of letters, digits and . _ ~ -, 64 at most, and be none of . and ..',
  })
  .describe('The name of the schedule');
