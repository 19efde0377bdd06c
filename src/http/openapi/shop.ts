/** The operations that are made for one purpose: orders and the mail to a newcomer. */
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

/** `/submit-order`, its older name, `/orders/{order_id}/paid` and `/welcome-email`. */
export const shopPaths: Paths = {
  '/submit-order': { post: submitOrder('submitOrder', 'An order that expires unless it is paid') },
  '/dlx-order': { post: submitOrder('submitOrderOldName', 'The same under its older name') },
  '/orders/{order_id}/paid': { post: paid },
  '/welcome-email': { post: welcome },
};
