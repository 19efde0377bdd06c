/** What failed for good: to look at, to send once more, to throw away. */
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { isWritable, parseJson } from '../json';
import type { ParkedMessage, ParkingLot } from '../parking-lot';
import { mayUse, requireTarget } from './authentication';
import { sendProblem } from './errors';
import type { RouteOptions, Routes } from './routes';
import { faultsOf, InvalidRequestError, validBody } from './validation';

/** Longest id in characters: AMQP's short string. */
const LONGEST_ID = 255;
/** Longest part of a body that is no JSON, in characters. */
const LONGEST_BODY = 1_000;

const ids = z.array(z.string().min(1).max(LONGEST_ID)).min(1).max(1_000);
/** The body of a redrive. */
export const redriveBody = z.strictObject({
  ids: ids.optional().describe('Ids of the messages; without them all'),
});
/** The body of a removal. */
export const deleteBody = z.strictObject({ ids: ids.describe('Ids of the messages') });

const NO_LIMIT = 'must be a whole number from 1 to 100';
/** The query of a look. */
export const lookQuery = z.strictObject({
  limit: z
    .string({ error: NO_LIMIT })
    .regex(/^([1-9]\d?|100)$/, { error: NO_LIMIT })
    .default('20')
    .transform(Number)
    .describe('Messages shown at most, from 1 to 100'),
});

/** `/v1/parked` and what is below it. */
export function parkedRoutes({ parkingLot }: Pick<RouteOptions, 'parkingLot'>): Routes {
  return {
    '/v1/parked': {
      get: async (req, res) => {
        const counts = (await parkingLot.counts()).filter(({ name }) => mayUse(req, name));
        res.json({ parked: counts.map(({ name, messages }) => ({ target: name, messages })) });
      },
    },
    '/v1/parked/:target': {
      get: forTarget(parkingLot, async (target, req, res) => {
        const { data, error } = lookQuery.safeParse(req.query, { reportInput: true });
        if (error) throw new InvalidRequestError(faultsOf(error, ['query']));
        const { messages, parked } = await parkingLot.look(target, data.limit);
        res.json({ target, messages, parked: parked.map(shown) });
      }),
      delete: forTarget(parkingLot, async (target, req, res) => {
        const { deleted, notFound } = await parkingLot.remove(target, validBody(deleteBody, req.body).ids);
        res.json({ deleted, not_found: notFound });
      }),
    },
    '/v1/parked/:target/redrive': {
      post: forTarget(parkingLot, async (target, req, res) => {
        // A body that is there but not marked as JSON must not pass for none: none redrives everything.
        const { ids } = hasBody(req) ? validBody(redriveBody, req.body) : {};
        const { redriven, notRedriven, notFound } = await parkingLot.redrive(target, ids);
        const stayed = notRedriven.map(({ id, reason }) => ({ id: id ?? null, reason }));
        res.json({ redriven, not_redriven: stayed, not_found: notFound });
      }),
    },
  };
}

/** Answers 404 where the path names no target, 403 where it names another than the caller's. */
function forTarget(
  { names }: ParkingLot,
  answer: (target: string, ...args: Parameters<RequestHandler>) => Promise<void>,
): RequestHandler {
  return async (req, res, next) => {
    const target = String(req.params.target);
    if (names.includes(target)) {
      requireTarget(req, target);
      return answer(target, req, res, next);
    }
    sendProblem(res, {
      status: 404,
      kind: 'not-found',
      title: 'Not found',
      detail: `Nothing is parked under "${target}", only under ${names.join(', ')}.`,
    });
  };
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function shown(message: ParkedMessage) {
  const { id, to, reason, error, attempts, firstAttemptAt, lastAttemptAt, parkedAt, dueAt, content } =
    message;
  return {
    id: id ?? null,
    to: to ?? null,
    reason: reason ?? null,
    error: error ?? null,
    attempts: attempts ?? null,
    first_attempt_at: timeOrNull(firstAttemptAt),
    last_attempt_at: timeOrNull(lastAttemptAt),
    parked_at: timeOrNull(parkedAt),
    due_at: timeOrNull(dueAt),
    ...payloadOf(content),
  };
}

/** Null for what is no time that JavaScript can write. */
function timeOrNull(epochMs: number | undefined): string | null {
  const time = new Date(epochMs ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

function readable(content: Buffer): unknown {
  try {
    return parseJson(content);
  } catch {
    return undefined;
  }
}

function payloadOf(content: Buffer): { payload: unknown; body?: string } {
  const payload = readable(content);
  if (payload !== undefined && isWritable(payload)) return { payload };
  return { payload: null, body: content.toString().slice(0, LONGEST_BODY) };
}
