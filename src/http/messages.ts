/** The general form: any target, any delay. */
import { z } from 'zod';
import type { Clock } from '../clock';
import { durationMs } from '../duration';
import type { MessageRetry } from '../message';
import { TARGET_NAMES, TARGETS, type TargetName } from '../targets';
import { LONGEST_DELAY_MS } from '../wheel';
import { requireTarget } from './authentication';
import { templateName } from './emails';
import type { RouteOptions, Routes } from './routes';
import { type Fault, faultsOf, validBody } from './validation';

const DELAY_FIELDS = ['delay', 'delay_ms', 'deliver_at'] as const;

/** `POST /v1/messages`. */
export function messageRoutes({
  scheduler,
  clock,
  templateNames,
}: Pick<RouteOptions, 'scheduler' | 'clock' | 'templateNames'>): Routes {
  const schema = messageSchema(clock);
  const payloads = payloadSchemas(templateNames);
  return {
    '/v1/messages': {
      post: async (req, res) => {
        const { to, payload, retry, ...when } = validBody(schema, req.body, furtherFaults(payloads));
        requireTarget(req, to);
        const message = await scheduler.schedule({
          to,
          payload: payloads[to].parse(payload),
          dueAt: dueAtOf(when, clock()),
          retry: retry && messageRetry(retry),
        });
        res
          .status(202)
          .location(`/v1/messages/${message.id}`)
          .json({ id: message.id, to, status: 'scheduled', due_at: new Date(message.dueAt).toISOString() });
      },
    },
  };
}

interface When {
  readonly delay?: number | undefined;
  readonly delay_ms?: number | undefined;
  readonly deliver_at?: number | undefined;
}

function dueAtOf({ delay, delay_ms, deliver_at }: When, now: number): number {
  return deliver_at ?? now + (delay ?? delay_ms ?? 0);
}

const TOO_LONG = 'must not be more than 3650 days ahead';

const delay = z.string().transform((value, context) => {
  const delayMs = durationMs(value);
  if (delayMs !== undefined && delayMs <= LONGEST_DELAY_MS) return delayMs;
  context.addIssue(
    delayMs === undefined ? 'must be a duration such as "30m", "1h30m", "500ms" or "PT30M"' : TOO_LONG,
  );
  return z.NEVER;
});

const deliverAt = z.iso
  .datetime({
    offset: true,
    error: 'must be an RFC 3339 date and time with offset, such as "2026-12-24T18:00:00+01:00"',
  })
  .transform(epochMs);

/** Fractions finer than a millisecond are rounded up: never early. */
function epochMs(dateTime: string): number {
  const [, finer = ''] = /\.\d{3}(\d+)/.exec(dateTime) ?? [];
  return Date.parse(dateTime) + (/[1-9]/.test(finer) ? 1 : 0);
}

/** Most attempts that a caller can ask for, like the configuration's own limit. */
const MOST_ATTEMPTS = 1_000;

const retrySchema = z.strictObject({
  max_attempts: z.int().min(1).max(MOST_ATTEMPTS).optional(),
  base: delay.optional(),
  cap: delay.optional(),
});

function messageRetry({ max_attempts, base, cap }: z.output<typeof retrySchema>): MessageRetry {
  return {
    ...(max_attempts !== undefined && { maxAttempts: max_attempts }),
    ...(base !== undefined && { baseMs: base }),
    ...(cap !== undefined && { capMs: cap }),
  };
}

const messageSchema = (clock: Clock) =>
  z.strictObject({
    to: z.enum(TARGET_NAMES),
    payload: z.unknown(),
    delay: delay.optional(),
    delay_ms: z.int().min(0).max(LONGEST_DELAY_MS).optional(),
    retry: retrySchema.optional(),
    deliver_at: deliverAt.refine((dueAt) => dueAt - clock() <= LONGEST_DELAY_MS, TOO_LONG).optional(),
  });

/** Each target's payload; a mail's template has to be one that there is. */
function payloadSchemas(templateNames: readonly string[]) {
  return {
    ...TARGETS,
    emails: TARGETS.emails.extend({ template: templateName(templateNames).default('welcome') }),
  };
}

type PayloadSchemas = ReturnType<typeof payloadSchemas>;

const furtherFaults = (schemas: PayloadSchemas) => (body: Readonly<Record<string, unknown>>) => [
  ...delayFaults(body),
  ...payloadFaults(schemas, body),
];

function delayFaults(body: Readonly<Record<string, unknown>>): Fault[] {
  const given = DELAY_FIELDS.filter((field) => body[field] !== undefined);
  const msg = `exactly one of ${DELAY_FIELDS.join(', ')} is needed`;
  if (given.length === 0) return [{ loc: ['body', 'delay'], msg, type: 'missing' }];
  return given.slice(1).map((field) => ({
    loc: ['body', field],
    msg: `${msg}, but ${given[0]} is there too`,
    type: 'conflict',
  }));
}

function payloadFaults(schemas: PayloadSchemas, { to, payload }: Readonly<Record<string, unknown>>): Fault[] {
  // The message's own schema has said so already where there is no such target, or no payload.
  if (!TARGET_NAMES.includes(to as TargetName) || payload === undefined) return [];
  const { error } = schemas[to as TargetName].safeParse(payload, { reportInput: true });
  return error ? faultsOf(error, ['body', 'payload']) : [];
}
