/** What happened in a period, for a program; the target `reports` mails the same to people. */
import { z } from 'zod';
import { isoTime } from '../clock';
import { dateTime } from '../date-time';
import type { Report } from '../reports/report';
import type { Activity } from '../reports/tally';
import { LONGEST_REPORT_DAYS } from '../targets';
import type { Period } from '../time-zone';
import { boundTargets } from './authentication';
import { type RouteOptions, type Routes, requireLedger } from './routes';
import { type Fault, faultsOf, InvalidRequestError } from './validation';

const DAY_MS = 86_400_000;

/** The query of a report. */
export const reportQuery = z.strictObject({
  from: dateTime
    .optional()
    .describe(
      `What happened at this time or later, at most ${LONGEST_REPORT_DAYS} days before \`to\`; default a day ago`,
    ),
  to: dateTime.optional().describe('What happened before this time; default now'),
});

/** `GET /v1/report`. */
export function reportRoutes({ reporter, clock }: Pick<RouteOptions, 'reporter' | 'clock'>): Routes {
  return {
    '/v1/report': {
      async get(req, res) {
        const period = periodOf(req.query, clock());
        const within = requireLedger(reporter, 'The report');
        const gone = new AbortController();
        res.once('close', () => gone.abort(new Error('the client has gone')));
        const only = boundTargets(req);
        res.json(reportJson(await within.report({ period, only, signal: gone.signal })));
      },
    },
  };
}

/** @throws InvalidRequestError */
function periodOf(query: unknown, now: number): Period {
  const { data, error } = reportQuery.safeParse(query, { reportInput: true });
  if (error) throw new InvalidRequestError(faultsOf(error, ['query']));
  const { from, to } = data;
  if (from === undefined && to === undefined) return { from: now - DAY_MS, to: now };
  if (from === undefined || to === undefined) throw together(from === undefined ? 'from' : 'to');
  if (from >= to) throw wrongFrom('must be before to');
  if (to - from > LONGEST_REPORT_DAYS * DAY_MS)
    throw wrongFrom(`must be at most ${LONGEST_REPORT_DAYS} days before to`);
  return { from, to };
}

const oneFault = (fault: Fault) => new InvalidRequestError([fault]);
const together = (missing: 'from' | 'to') =>
  oneFault({ loc: ['query', missing], msg: 'from and to go together', type: 'missing' });
const wrongFrom = (msg: string) => oneFault({ loc: ['query', 'from'], msg, type: 'invalid_value' });

function reportJson({ period, madeAt, complete, total, targets, reasons, pending }: Report) {
  return {
    from: isoTime(period.from),
    to: isoTime(period.to),
    made_at: isoTime(madeAt),
    complete,
    total: activityJson(total),
    targets: mapped(targets, activityJson),
    reasons,
    pending: {
      from: isoTime(pending.from),
      to: isoTime(pending.from + DAY_MS),
      messages: pending.messages,
      targets: pending.targets,
      hours: pending.hours,
    },
  };
}

function activityJson({ counts, lateness }: Activity) {
  return { ...counts, lateness_ms: lateness ?? null };
}

const mapped = <Value, Result>(values: Readonly<Record<string, Value>>, of: (value: Value) => Result) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, of(value)]));
