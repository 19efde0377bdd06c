/** The operations that are made for one purpose: orders, the mail to a newcomer, and reminders of meetings. */
import { inPath, jsonAnswer, jsonBody, type Operation, type Paths } from './operation';
import * as refusal from './refusals';

const DUE_AT = '2026-11-25T02:51:51.864Z';
const REPLAYED = { 'Idempotent-Replayed': '`true` where the same order came before; this is its answer' };

const submitOrder = (operationId: string, summary: string): Operation => ({
  operationId,
  summary,
  description: 'With a ledger the same order counts once.',
  tags: ['orders'],
  requestBody: jsonBody('SubmitOrder', { order_id: 'A-1', expire_minutes: 30 }),
  responses: {
    202: jsonAnswer(
      'RabbitMQ has it',
      'Scheduled',
      { msg: 'order A-1 expires in 30 minutes unless it is paid', id: 'order:A-1', due_at: DUE_AT },
      REPLAYED,
    ),
    ...refusal.failing(
      refusal.boundKey,
      refusal.readingBody(),
      refusal.invalid(['body', 'order_id'], 'missing', 'field required'),
      refusal.ownId,
      refusal.publishing,
    ),
  },
});

const paid: Operation = {
  operationId: 'orderPaid',
  summary: 'An order is paid: it does not expire',
  tags: ['orders'],
  parameters: [inPath('order_id', 'The order', 'A-1')],
  responses: {
    200: jsonAnswer('It does not expire', 'Paid', {
      msg: 'order A-1 is paid and does not expire',
      id: 'order:A-1',
      status: 'cancelled',
    }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.changing,
      refusal.ledgerNeeded('Cancelling by order'),
      refusal.publishing,
    ),
  },
};

const welcome: Operation = {
  operationId: 'welcomeEmail',
  summary: 'A mail that goes out in three seconds',
  tags: ['emails'],
  requestBody: jsonBody('WelcomeEmail', { email: 'ada@example.com' }),
  responses: {
    202: jsonAnswer('RabbitMQ has it', 'Scheduled', {
      msg: 'mail to ada@example.com goes out in 3 seconds',
      id: '01M889VP87827ZMQA1T2EDV0CC',
      due_at: DUE_AT,
    }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.readingBody(),
      refusal.invalid(['body', 'email'], 'missing', 'field required'),
      refusal.publishing,
    ),
  },
};

const remind: Operation = {
  operationId: 'meetingReminder',
  summary: 'A mail that reminds of a meeting before it starts',
  description:
    'For each meeting the latest request counts: one that differs moves the reminder, and the one before is not sent. ' +
    'Where the meeting starts sooner than that, the mail goes out now.',
  tags: ['emails'],
  requestBody: jsonBody('MeetingReminder', {
    meeting_id: 'planning',
    email: 'ada@example.com',
    starts_at: '2035-06-04T15:00:00+02:00',
    minutes_before: 15,
    title: 'Planning',
  }),
  responses: {
    202: jsonAnswer(
      'RabbitMQ has it, and the one before is cancelled',
      'Scheduled',
      {
        msg: 'mail to ada@example.com goes out 15 minutes before meeting planning',
        id: 'meeting:planning:29927040',
        due_at: '2035-06-04T12:45:00.000Z',
      },
      { 'Idempotent-Replayed': '`true` where this was the latest request before; this is its answer' },
    ),
    ...refusal.failing(
      refusal.boundKey,
      refusal.readingBody(),
      refusal.invalid(['body', 'starts_at'], 'invalid_value', 'must lie ahead: this meeting has started'),
      refusal.beingReplaced,
      refusal.ledgerNeeded('A meeting reminder'),
      refusal.publishing,
    ),
  },
};

const callOff: Operation = {
  operationId: 'cancelMeetingReminder',
  summary: 'A meeting does not take place: nobody is reminded of it',
  tags: ['emails'],
  parameters: [inPath('meeting_id', 'The meeting', 'planning')],
  responses: {
    200: jsonAnswer('No mail goes out', 'ReminderCancelled', {
      msg: 'no mail goes out before meeting planning',
      id: 'meeting:planning:29927040',
      status: 'cancelled',
    }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.changing,
      refusal.ledgerNeeded('A meeting reminder'),
      refusal.publishing,
    ),
  },
};

/** `/submit-order`, its older name, `/orders/{order_id}/paid`, `/welcome-email` and `/meeting-reminder`. */
export const shopPaths: Paths = {
  '/submit-order': { post: submitOrder('submitOrder', 'An order that expires unless it is paid') },
  '/dlx-order': { post: submitOrder('submitOrderOldName', 'The same under its older name') },
  '/orders/{order_id}/paid': { post: paid },
  '/welcome-email': { post: welcome },
  '/meeting-reminder': { post: remind },
  '/meeting-reminder/{meeting_id}': { delete: callOff },
};
