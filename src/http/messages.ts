/** The general form: any target, any delay. */
import type { Request } from 'express';
import { z } from 'zod';
import type { Accepted } from '../changes/acceptance';
import { type Clock, isoTime } from '../clock';
import { IdempotencyKeyReusedError, IdTakenError } from '../errors';
import type { MessageRetry } from '../message';
import { type PayloadSchemas, payloadSchemas, TARGET_NAMES, type TargetName, text } from '../targets';
import { requireTarget } from './authentication';
import { listMessages } from './listing';
import { originOf } from './origin';
import { idempotencyKey, own, ownId } from './own-id';
import type { RouteOptions, Routes } from './routes';
import { type Fault, faultsOf, validBody } from './validation';
import { delay, dueAtOf, whenFaults, whenFields } from './when';

/** `/v1/messages`. */
export function messageRoutes(
  options: Pick<RouteOptions, 'acceptance' | 'ledger' | 'clock' | 'templateNames'>,
): Routes {
  const accept = messageIntake(options);
  return {
    '/v1/messages': {
      get: listMessages(options),
      post: async (req, res) => {
        const message = await accept(req, req.body);
        if (message.replayed) res.set('Idempotent-Replayed', 'true');
        res.status(202).location(`/v1/messages/${message.id}`).json(shownAccepted(message));
      },
    },
  };
}

/** A message that a request brought. */
export interface AcceptedMessage extends Accepted {
  readonly to: TargetName;
}

/** Accepts a message that came with a request; throws what is wrong with it, or why it could not be accepted. */
export type MessageIntake = (req: Request, body: unknown) => Promise<AcceptedMessage>;

/** Validates and accepts messages of the general form. */
export function messageIntake({
  acceptance,
  clock,
  templateNames,
}: Pick<RouteOptions, 'acceptance' | 'clock' | 'templateNames'>): MessageIntake {
  const schema = messageSchema(clock);
  const payloads = payloadSchemas(templateNames);
  return async (req, body) => {
    let payload: unknown;
    const request = validBody(schema, body, (raw) => {
      const checked = checkPayload(payloads, raw);
      payload = checked.payload;
      return [...whenFaults(raw), ...checked.faults];
    });
    requireTarget(req, request.to);
    const { to, payload: _, retry, id: chosenId, key, ...when } = request;
    const headerKey = chosenId === undefined ? idempotencyKey(req) : undefined;
    const id = chosenId ?? headerKey;
    const accepted = await acceptance
      .accept({
        to,
        payload,
        dueAt: dueAtOf(when, clock()),
        retry: retry && messageRetry(retry),
        key,
        ...originOf(req),
        own: id === undefined ? undefined : own(id, request),
      })
      .catch((error) => {
        throw headerKey !== undefined && error instanceof IdTakenError
          ? new IdempotencyKeyReusedError(error.message, { cause: error })
          : error;
      });
    return { ...accepted, to };
  };
}

/** What is said of an accepted message. */
export function shownAccepted({ id, to, dueAt }: AcceptedMessage) {
  return { id, to, status: 'scheduled', due_at: isoTime(dueAt) };
}

/** Most attempts that a caller can ask for, like the configuration's own limit. */
const MOST_ATTEMPTS = 1_000;

const retrySchema = z.strictObject({
  max_attempts: z
    .int()
    .min(1)
    .max(MOST_ATTEMPTS)
    .optional()
    .describe('Attempts at most, the first one included'),
  base: delay.optional().describe('Bound of the wait after the first attempt, a duration'),
  cap: delay.optional().describe('The bound grows no further than this, a duration'),
});

function messageRetry({ max_attempts, base, cap }: z.output<typeof retrySchema>): MessageRetry {
  return {
    ...(max_attempts !== undefined && { maxAttempts: max_attempts }),
    ...(base !== undefined && { baseMs: base }),
    ...(cap !== undefined && { capMs: cap }),
  };
}

/** A message of the general form; its payload is up to payloadSchemas, and see whenFaults. */
export const messageSchema = (clock: Clock) =>
  z.strictObject({
    to: z.enum(TARGET_NAMES).describe('The target that handles it'),
    payload: z.unknown().describe('What the target takes'),
    ...whenFields(clock),
    retry: retrySchema
      .optional()
      .describe('How it is tried again, as far as that differs from the configuration'),
    id: ownId.optional().describe('An id of your own: what is sent again with it counts once'),
    key: text.optional().describe('A label of your own, to list by'),
  });

/** The payload of a body that names its target as that takes it, and what is wrong with it. */
export function checkPayload(
  schemas: PayloadSchemas,
  { to, payload }: Readonly<Record<string, unknown>>,
): { readonly payload?: unknown; readonly faults: readonly Fault[] } {
  // The message's own schema has said so already where there is no such target, or no payload.
  if (!TARGET_NAMES.includes(to as TargetName) || payload === undefined) return { faults: [] };
  const { data, error } = schemas[to as TargetName].safeParse(payload, { reportInput: true });
  return { payload: data, faults: error ? faultsOf(error, ['body', 'payload']) : [] };
}
