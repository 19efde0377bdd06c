/** One message: what has become of it, and changing that. */
import { z } from 'zod';
import type { Clock } from '../clock';
import { UnknownMessageError } from '../errors';
import type { LedgerRecord } from '../ledger/record';
import { timelineOf } from '../ledger/timeline';
import { LONGEST_ID } from './own-id';
import { type RouteOptions, type Routes, requireLedger } from './routes';
import { validBody } from './validation';
import { dueAtOf, whenFaults, whenFields } from './when';

/** `/v1/messages/{id}` and what is below it. */
export function oneMessageRoutes(
  options: Pick<RouteOptions, 'ledger' | 'cancellation' | 'rescheduling' | 'clock'>,
): Routes {
  const { ledger, cancellation, rescheduling, clock } = options;
  const whenSchema = rescheduleBody(clock);
  return {
    '/v1/messages/:id': {
      get: async (req, res) => {
        const within = requireLedger(ledger, 'The status of a message');
        const id = idIn(req.params);
        const record = await within.find(id);
        if (!record) throw unknown(id);
        res.json({ ...summaryOf(record), timeline: timelineOf(record).map(shownEvent) });
      },
      patch: async (req, res) => {
        const when = validBody(whenSchema, req.body, whenFaults);
        const id = idIn(req.params);
        const { dueAt, status } = await rescheduling.reschedule(id, dueAtOf(when, clock()));
        res.json({ id, status, due_at: isoTime(dueAt) });
      },
      delete: async (req, res) => {
        const id = idIn(req.params);
        await cancellation.cancel(id);
        res.json({ id, status: 'cancelled' });
      },
    },
    '/v1/messages/:id/run-now': {
      post: async (req, res) => {
        const id = idIn(req.params);
        const { dueAt } = await rescheduling.runNow(id);
        res.json({ id, due_at: isoTime(dueAt) });
      },
    },
  };
}

/** The body of a PATCH. */
export const rescheduleBody = (clock: Clock) => z.strictObject(whenFields(clock));

/** What a list says of a message. */
export function summaryOf(record: LedgerRecord) {
  const { id, to, status, dueAt, acceptedAt, attempt, key, error } = record;
  const ended = status === 'handled' || status === 'parked';
  return {
    id,
    to,
    status,
    due_at: isoTime(dueAt),
    accepted_at: acceptedAt === undefined ? null : isoTime(acceptedAt),
    attempts: ended ? attempt : attempt - 1,
    ...(key !== undefined && { key }),
    ...(error !== undefined && { error }),
  };
}

function shownEvent({ event, at, attempt, dueAt }: ReturnType<typeof timelineOf>[number]) {
  return { event, at: isoTime(at), attempt, ...(dueAt !== undefined && { due_at: isoTime(dueAt) }) };
}

/** An id that no message can have is one of no message. */
function idIn({ id }: Readonly<Record<string, string | string[] | undefined>>): string {
  if (typeof id === 'string' && id.length <= LONGEST_ID) return id;
  throw unknown(String(id).slice(0, LONGEST_ID));
}

function unknown(id: string): UnknownMessageError {
  return new UnknownMessageError(`There is no message "${id}".`);
}

const isoTime = (time: number) => new Date(time).toISOString();
