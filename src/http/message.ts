/** One message: what has become of it, and changing that. */
import type { Request } from 'express';
import { z } from 'zod';
import { type Clock, isoTime } from '../clock';
import { UnknownMessageError } from '../errors';
import type { LedgerRecord } from '../ledger/record';
import { timelineOf } from '../ledger/timeline';
import { boundTargets, ForbiddenTargetError, requireTarget } from './authentication';
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
        const record = await within.require(idIn(req.params));
        requireTarget(req, record.to);
        res.json({ ...summaryOf(record), timeline: timelineOf(record).map(shownEvent) });
      },
      patch: async (req, res) => {
        const when = validBody(whenSchema, req.body, whenFaults);
        const id = idIn(req.params);
        await requireMessage(req, id, requireLedger(ledger, 'Rescheduling'));
        const { dueAt, status } = await rescheduling.reschedule(id, dueAtOf(when, clock()));
        res.json({ id, status, due_at: isoTime(dueAt) });
      },
      delete: async (req, res) => {
        const id = idIn(req.params);
        await requireMessage(req, id, ledger);
        await cancellation.cancel(id);
        res.json({ id, status: 'cancelled' });
      },
    },
    '/v1/messages/:id/run-now': {
      post: async (req, res) => {
        const id = idIn(req.params);
        await requireMessage(req, id, requireLedger(ledger, 'Running a message now'));
        const { dueAt } = await rescheduling.runNow(id);
        res.json({ id, due_at: isoTime(dueAt) });
      },
    },
  };
}

/** The body of a PATCH. */
export const rescheduleBody = (clock: Clock) => z.strictObject(whenFields(clock));

/**
 * Makes sure that the request's caller may change a message.
 *
 * @throws ForbiddenTargetError
 * @throws UnknownMessageError to whom is bound to targets: what comes up only now could be anybody's
 */
async function requireMessage(req: Request, id: string, ledger: RouteOptions['ledger']): Promise<void> {
  const targets = boundTargets(req);
  if (!targets) return;
  const record = await ledger?.find(id);
  if (record) return requireTarget(req, record.to);
  if (ledger?.isComplete()) throw new UnknownMessageError(id);
  // It may wait all the same. Its id tells when it is due and not what it is for, so it could be another target's.
  throw new ForbiddenTargetError(
    `This key is bound to ${targets.join(', ')}, and the target of the message "${id}" is not known here.`,
  );
}

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
  throw new UnknownMessageError(String(id).slice(0, LONGEST_ID));
}
