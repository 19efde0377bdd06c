/** Lists of messages, and how many there are of which kind. */
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { dateTime } from '../date-time';
import { type LedgerRecord, PENDING, STATUSES } from '../ledger/record';
import type { LedgerView } from '../ledger/view';
import { TARGET_NAMES, text } from '../targets';
import { boundTargets, mayUse, requireTarget } from './authentication';
import { summaryOf } from './message';
import { LONGEST_ID } from './own-id';
import { type RouteOptions, type Routes, requireLedger } from './routes';
import { faultsOf, InvalidRequestError } from './validation';

const NO_LIMIT = 'must be a whole number from 1 to 500';
const NO_CURSOR = 'must be the next_cursor of a list';

/** A cursor is the place of the last message shown; what it looks like is nobody's concern. */
const cursorPlace = z.tuple([z.int(), z.string().min(1).max(LONGEST_ID)]);

const cursor = z.string().transform((value, context) => {
  try {
    const [dueAt, id] = cursorPlace.parse(JSON.parse(Buffer.from(value, 'base64url').toString()));
    return { dueAt, id };
  } catch {
    context.addIssue(NO_CURSOR);
    return z.NEVER;
  }
});

/** The query of a list. */
export const listQuery = z.strictObject({
  to: z.enum(TARGET_NAMES).optional().describe('Only those for this target'),
  status: z.enum(STATUSES).optional().describe('Only those that are so far'),
  due_after: dateTime.optional().describe('Only those due at this time or later'),
  due_before: dateTime.optional().describe('Only those due before this time'),
  key: text.optional().describe('Only those with this label'),
  limit: z
    .string({ error: NO_LIMIT })
    .regex(/^([1-9]\d?|[1-4]\d\d|500)$/, { error: NO_LIMIT })
    .default('100')
    .transform(Number)
    .describe('Messages shown at most, from 1 to 500'),
  cursor: cursor.optional().describe('The `next_cursor` of the page before'),
});

/** `GET /v1/messages`: soonest first. */
export function listMessages({ ledger }: Pick<RouteOptions, 'ledger'>): RequestHandler {
  return (req, res) => {
    const within = requireLedger(ledger, 'Listing messages');
    const { data, error } = listQuery.safeParse(req.query, { reportInput: true });
    if (error) throw new InvalidRequestError(faultsOf(error, ['query']));
    const { status, due_after: dueAfter, due_before: dueBefore, key, limit, cursor: after } = data;
    const to = listedTarget(req, data.to);
    const { records, next } = within.view().list({ to, status, dueAfter, dueBefore, key, limit, after });
    res.json({
      messages: records.map(summaryOf),
      next_cursor: next ? Buffer.from(JSON.stringify([next.dueAt, next.id])).toString('base64url') : null,
      complete: within.isComplete(),
    });
  };
}

/** What to list: with a key that is bound to targets, one of these. A page across some of the targets there is not. */
function listedTarget(req: Request, to: string | undefined): string | undefined {
  if (to !== undefined) {
    requireTarget(req, to);
    return to;
  }
  const targets = boundTargets(req);
  if (!targets || targets.length === 1) return targets?.[0];
  const msg = `this key is bound to ${targets.join(', ')}: name one of them`;
  throw new InvalidRequestError([{ loc: ['query', 'to'], msg, type: 'missing' }]);
}

/** Messages that an overview shows. */
const NEXT_DUE = 10;

/** `GET /v1/overview`. */
export function overviewRoutes({ ledger }: Pick<RouteOptions, 'ledger'>): Routes {
  return {
    '/v1/overview': {
      get: (req, res) => {
        const within = requireLedger(ledger, 'The overview');
        const view = within.view();
        res.json({
          counts: Object.fromEntries(Object.entries(view.counts()).filter(([to]) => mayUse(req, to))),
          next_due: nextDue(view, boundTargets(req)).map(summaryOf),
          ledger: { messages: view.size(), most: view.limit, full: view.full() },
          complete: within.isComplete(),
        });
      },
    },
  };
}

function nextDue(view: LedgerView, targets: readonly string[] | undefined): LedgerRecord[] {
  if (!targets) return view.nextDue(NEXT_DUE);
  return targets
    .flatMap((to) => view.list({ to, status: PENDING, limit: NEXT_DUE }).records)
    .sort((a, b) => a.dueAt - b.dueAt)
    .slice(0, NEXT_DUE);
}
