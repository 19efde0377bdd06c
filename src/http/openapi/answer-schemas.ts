/** What the API answers, as schemas. */
import { z } from 'zod';
import { STATUSES } from '../../ledger/record';
import { definitionFields } from '../../schedules/definition';

const time = z.iso.datetime();
const id = z.string().describe('The id of the message');
const dueAt = time.describe('When the message is due');
const count = z.int().min(0);
const cancelled = z.literal('cancelled');
const scheduled = z.literal('scheduled');

const summary = {
  id,
  to: z.string().describe('The target'),
  status: z.enum(STATUSES),
  due_at: dueAt,
  accepted_at: time.nullable().describe('Null where that is further back than the ledger goes'),
  attempts: count.describe('Attempts that were made'),
  key: z.string().optional().describe('The label that it was given'),
  error: z.string().optional().describe('Why the latest attempt failed'),
};

const event = z.strictObject({
  event: z.string().describe('What happened, such as `accepted` or `handled`'),
  at: time,
  attempt: z.int().min(1),
  due_at: time.optional().describe('When that attempt was due'),
});

const parkedMessage = z.strictObject({
  id: z.string().nullable(),
  to: z.string().nullable(),
  reason: z.string().nullable().describe('Why it was parked'),
  error: z.string().nullable(),
  attempts: z.int().nullable(),
  first_attempt_at: time.nullable(),
  last_attempt_at: time.nullable(),
  parked_at: time.nullable(),
  due_at: time.nullable(),
  payload: z.unknown().describe('Null where it is no JSON'),
  body: z.string().optional().describe('The beginning of what is no JSON, as text'),
});

const complete = z.boolean().describe('False where the ledger has more than it can show');
const notFound = z.array(z.string()).describe('Ids that are not parked here');

const lateMs = z.int().min(0);

const activity = z.strictObject({
  accepted: count,
  handled: count,
  retried: count.describe('Attempts that failed for now'),
  parked: count,
  cancelled: count,
  lateness_ms: z
    .strictObject({ p50: lateMs, p90: lateMs, p99: lateMs, max: lateMs })
    .nullable()
    .describe(
      'From the due time to the start of the handler, of what was handled; percentiles are up to 1/32 too high; null where nothing was',
    ),
});

const fault = z.strictObject({
  loc: z.array(z.union([z.string(), z.int()])).describe('Where: `body`, `query` or `header`, then the path'),
  msg: z.string().describe('What is wrong, for people'),
  type: z.string().describe('What is wrong, for programs'),
});

const problem = z.strictObject({
  type: z.string().describe('Stable, for programs'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('For people'),
  errors: z.array(fault).optional().describe('Every fault of an invalid request'),
  error_id: z.string().optional().describe('Where an unexpected error is in the log'),
});

const summarySchema = z.strictObject(summary);

const schedule = definitionFields.partial().extend({
  name: z.string(),
  status: z.enum(['active', 'paused', 'ended', 'broken']),
  definition: z.unknown().optional().describe('As it was put, where this version cannot read it'),
  error: z.string().optional().describe('What is wrong with that'),
  created_at: time.describe('When it was first put'),
  updated_at: time.describe('When it was last put'),
  last_runs: z.array(z.strictObject({ at: time, id })).describe('The latest five at most'),
  next_runs: z.array(time).describe('The next five at most'),
});

/** By the name that they have in the document. */
export const answerSchemas = {
  Fault: fault,
  Problem: problem,
  Invalid: z.strictObject({ detail: z.array(fault).min(1) }),
  Scheduled: z.strictObject({ msg: z.string().describe('For people'), id, due_at: dueAt }),
  Paid: z.strictObject({ msg: z.string(), id, status: cancelled }),
  ReminderCancelled: z.strictObject({ msg: z.string(), id, status: cancelled }),
  Accepted: z.strictObject({ id, to: z.string(), status: scheduled, due_at: dueAt }),
  BatchResults: z.strictObject({
    results: z.array(
      z.strictObject({
        status: z.int().describe('What the message would have been answered alone'),
        replayed: z.literal(true).optional().describe('As the header Idempotent-Replayed'),
        retry_after: z.int().optional().describe('As the header Retry-After, in seconds'),
        body: z.unknown().describe('What the message would have been answered alone'),
      }),
    ),
  }),
  MessageSummary: summarySchema,
  MessageStatus: z.strictObject({ ...summary, timeline: z.array(event) }),
  Rescheduled: z.strictObject({ id, status: scheduled, due_at: dueAt }),
  Cancelled: z.strictObject({ id, status: cancelled }),
  RunNow: z.strictObject({ id, due_at: dueAt }),
  MessageList: z.strictObject({
    messages: z.array(summarySchema),
    next_cursor: z.string().nullable().describe('For the next page; null on the last'),
    complete,
  }),
  Overview: z.strictObject({
    counts: z.record(z.string(), z.record(z.enum(STATUSES), count)).describe('Messages by target and status'),
    next_due: z.array(summarySchema),
    ledger: z.strictObject({ messages: count, most: count, full: z.boolean() }),
    complete,
  }),
  ScheduleStatus: schedule,
  ScheduleList: z.strictObject({ schedules: z.array(schedule) }),
  ScheduleDeleted: z.strictObject({ name: z.string(), status: z.literal('deleted') }),
  Report: z.strictObject({
    from: time,
    to: time,
    made_at: time,
    complete: z.boolean().describe('False where the ledger no longer has all of the period'),
    total: activity,
    targets: z.record(z.string(), activity).describe('By target'),
    reasons: z
      .array(z.strictObject({ to: z.string().describe('The target'), error: z.string(), times: count }))
      .max(10)
      .describe('Why messages were tried again or parked, the most frequent first'),
    pending: z
      .strictObject({
        from: time,
        to: time,
        messages: count,
        targets: z.record(z.string(), count),
        hours: z.array(count).describe('One number for each hour from `from` on'),
      })
      .describe('Messages still to be handled that are due within 24 hours from the end of the period'),
  }),
  ParkedCounts: z.strictObject({
    parked: z.array(z.strictObject({ target: z.string(), messages: count })),
  }),
  ParkedMessages: z.strictObject({
    target: z.string(),
    messages: count.describe('How many are parked'),
    parked: z.array(parkedMessage),
  }),
  Deleted: z.strictObject({ deleted: count, not_found: notFound }),
  Redriven: z.strictObject({
    redriven: count,
    not_redriven: z.array(z.strictObject({ id: z.string().nullable(), reason: z.string() })),
    not_found: notFound,
  }),
  Alive: z.strictObject({ status: z.literal('alive') }),
  Ready: z.strictObject({ status: z.literal('ready') }),
};
