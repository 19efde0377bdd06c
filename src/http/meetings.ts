/** The mail that reminds somebody of a meeting. */
import { z } from 'zod';
import type { Replaced, Replacement } from '../changes/replacement';
import { type Clock, isoTime } from '../clock';
import { localTime } from '../date-time';
import { LedgerOffError } from '../errors';
import { emailAddress, text, YEAR_MINUTES } from '../targets';
import { LONGEST_DELAY_MS } from '../wheel';
import { requireTarget } from './authentication';
import { originOf } from './origin';
import { fingerprintOf, meetingName } from './own-id';
import { readableTime } from './readable-time';
import type { RouteOptions, Routes } from './routes';
import { validBody } from './validation';
import { TOO_LONG } from './when';

const MINUTE_MS = 60_000;
/** Longest title in characters. */
const LONGEST_TITLE = 255;

/** The body of `POST /meeting-reminder`. */
export const meetingReminder = (clock: Clock) =>
  z.strictObject({
    meeting_id: text.describe('The meeting, by the name that its service knows it by'),
    email: emailAddress.describe('Whom the mail goes to'),
    starts_at: localTime
      .refine(({ time }) => time > clock(), 'must lie ahead: this meeting has started')
      .refine(({ time }) => time - clock() <= LONGEST_DELAY_MS, TOO_LONG)
      .describe('When the meeting starts: RFC 3339 with the offset in which the mail is to say it'),
    minutes_before: z
      .int()
      .min(0)
      .max(YEAR_MINUTES)
      .default(15)
      .describe('How long before that the mail goes out, in minutes'),
    title: z
      .string()
      .min(1)
      .max(LONGEST_TITLE)
      .default('Your meeting')
      .describe('What the mail calls the meeting'),
  });

type Reminder = z.output<ReturnType<typeof meetingReminder>>;

/** `POST /meeting-reminder`, and `DELETE /meeting-reminder/{meeting_id}`. */
export function meetingRoutes({ replacement, clock }: Pick<RouteOptions, 'replacement' | 'clock'>): Routes {
  const schema = meetingReminder(clock);
  return {
    '/meeting-reminder': {
      post: async (req, res) => {
        const reminder = validBody(schema, req.body);
        requireTarget(req, 'emails');
        const { meeting_id, email, starts_at, title } = reminder;
        const replaced = await requireReplacement(replacement).replace({
          name: meetingName(meeting_id),
          to: 'emails',
          payload: {
            email,
            template: 'reminder',
            variables: { title, starts_at: readableTime(starts_at) },
          },
          dueAt: plannedAt(reminder),
          ...originOf(req),
          fingerprint: fingerprintOf(reminder),
        });
        if (replaced.replayed) res.set('Idempotent-Replayed', 'true');
        const { id, dueAt } = replaced;
        res.status(202).json({ msg: whatHappens(reminder, replaced), id, due_at: isoTime(dueAt) });
      },
    },
    '/meeting-reminder/:meeting_id': {
      delete: async (req, res) => {
        requireTarget(req, 'emails');
        const meetingId = String(req.params.meeting_id);
        const id = await requireReplacement(replacement).cancelLatest(meetingName(meetingId), 'emails');
        res.json({ msg: `no mail goes out before meeting ${meetingId}`, id, status: 'cancelled' });
      },
    },
  };
}

/** Without a ledger a meeting could be neither moved nor cancelled, and people would be reminded of the wrong time. */
function requireReplacement(replacement: Replacement | undefined): Replacement {
  if (replacement) return replacement;
  throw new LedgerOffError('A meeting reminder');
}

const plannedAt = ({ starts_at, minutes_before }: Reminder) => starts_at.time - minutes_before * MINUTE_MS;

function whatHappens(reminder: Reminder, { dueAt, tooLateForOther }: Replaced): string {
  const { meeting_id, email, minutes_before } = reminder;
  const when =
    dueAt <= plannedAt(reminder)
      ? `${minutes_before} minutes before meeting ${meeting_id}`
      : `now, less than ${minutes_before} minutes before meeting ${meeting_id}`;
  const other = tooLateForOther ? '; it was too late to stop the one before, which may go out as well' : '';
  return `mail to ${email} goes out ${when}${other}`;
}
