/** A report that came due: made from the ledger and mailed. */
import type { z } from 'zod';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { Mailer } from '../mailer';
import { REPORT_TEMPLATE, reportVariables } from '../reports/mail';
import type { Report, Reporter } from '../reports/report';
import type { reportPayload } from '../targets';
import type { RenderedMail, Templates } from '../templates';
import { dayEndedBy, type Period } from '../time-zone';
import { outcomeOfFailure } from './emails';
import type { Handler, MessageOf } from './handler';
import { done, reject } from './outcome';

/** What the reports handler needs. */
export interface ReportsOptions {
  /** None without a ledger. */
  readonly reporter: Reporter | undefined;
  readonly mailer: Mailer;
  readonly templates: Templates;
  /** Whom a report goes to that names nobody. */
  readonly to: readonly string[];
  /** The time zone of a report that names none. */
  readonly timezone: string;
  readonly logger: Logger;
}

type ReportMessage = MessageOf<z.output<typeof reportPayload>>;

/** Makes each report and sends it, one mail to all its addresses: whoever has got it does not get it again with a retry. */
export function createReportsHandler(options: ReportsOptions): Handler<ReportMessage['payload']> {
  const { reporter, mailer, templates, logger } = options;

  const rendered = (report: Report, zone: string): RenderedMail | string => {
    try {
      return templates.render(REPORT_TEMPLATE, reportVariables(report, zone));
    } catch (error) {
      return `template ${REPORT_TEMPLATE}: ${messageOf(error)}`;
    }
  };

  return async (message, signal) => {
    const { id, payload } = message;
    if (!reporter) return reject('A report needs the ledger, which is switched off here (LEDGER=off).');
    const to = [payload.email ?? options.to].flat();
    if (to.length === 0)
      return reject('There is nobody to send it to: the payload has no email, and REPORT_TO is not set.');
    const zone = payload.timezone ?? options.timezone;
    const report = await reporter.report({ period: periodOf(message, zone), signal });
    const mail = rendered(report, zone);
    if (typeof mail === 'string') return reject(mail);
    try {
      const where = await mailer.send({ id, to, ...mail }, signal);
      logger.info('report sent', { messageId: id, to: to.length, complete: report.complete, where });
      return done;
    } catch (error) {
      return outcomeOfFailure(error);
    }
  };
}

/** What comes late, or again, is about the day that it was for. */
function periodOf({ payload: { from, to }, first, dueAt }: ReportMessage, zone: string): Period {
  if (from !== undefined && to !== undefined) return { from: Date.parse(from), to: Date.parse(to) };
  return dayEndedBy(first?.dueAt ?? dueAt, zone);
}
