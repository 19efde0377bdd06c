/** The operations on messages. */
import { NDJSON } from '../batch-body';
import { listQuery } from '../listing';
import { inHeader, inPath, jsonAnswer, jsonBody, type Operation, type Paths } from './operation';
import * as refusal from './refusals';
import { queryParameters, refTo } from './schemas';

const tags = ['messages'];
const DUE_AT = '2026-11-25T02:51:51.864Z';
const ID = inPath('id', 'The id of the message', 'cart-7');
const TRACE = inHeader('traceparent', 'W3C Trace Context; stays with the message');
const KEY = inHeader('Idempotency-Key', 'Counts as the id where the body has none');
const REPLAYED = { 'Idempotent-Replayed': '`true` where the same request came before; this is its answer' };

const message = {
  to: 'orders',
  payload: { order_id: 'A-7', expire_minutes: 30 },
  delay: '30m',
  id: 'cart-7',
};
const accepted = { id: 'cart-7', to: 'orders', status: 'scheduled', due_at: DUE_AT };
const summary = { ...accepted, accepted_at: '2026-11-25T02:21:51.864Z', attempts: 0 };
const invalidDelay = refusal.invalid(['body', 'delay'], 'missing', 'exactly one of delay, … is needed');

const accept: Operation = {
  operationId: 'acceptMessage',
  summary: 'Have a message handled later',
  tags,
  parameters: [KEY, TRACE],
  requestBody: jsonBody('Message', message),
  responses: {
    202: jsonAnswer('RabbitMQ has the message', 'Accepted', accepted, {
      Location: 'Where its status is',
      ...REPLAYED,
    }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.readingBody(),
      invalidDelay,
      refusal.idempotencyKey,
      refusal.ownId,
      refusal.ledgerNeeded('An id of your own'),
      refusal.publishing,
    ),
  },
};

const list: Operation = {
  operationId: 'listMessages',
  summary: 'Messages, soonest first',
  tags,
  parameters: queryParameters(listQuery),
  responses: {
    200: jsonAnswer('A page of them', 'MessageList', {
      messages: [summary],
      next_cursor: null,
      complete: true,
    }),
    ...refusal.failingGet(
      refusal.boundKey,
      refusal.invalid(['query', 'limit'], 'invalid_format', 'must be a whole number from 1 to 500'),
      refusal.ledgerNeeded('Listing messages'),
    ),
  },
};

/** A batch is any mix of messages; what is wrong with one shows in its result. */
const acceptBatch = (maxBytes: number): Operation => ({
  operationId: 'acceptBatch',
  summary: 'Have 1 to 1,000 messages handled later',
  description:
    'Each message is accepted or refused by itself; its result is what it would have been answered alone, in the order of the messages.',
  tags,
  parameters: [TRACE],
  requestBody: {
    required: true,
    content: {
      'application/json': { schema: refTo('Batch'), example: [message, { ...message, id: 'cart-8' }] },
      [NDJSON]: {
        schema: { type: 'string', description: 'A message on each line' },
        example: `${JSON.stringify(message)}\n${JSON.stringify({ ...message, id: 'cart-8' })}\n`,
      },
    },
  },
  responses: {
    207: jsonAnswer(
      'A result for each message',
      'BatchResults',
      {
        results: [
          { status: 202, body: accepted },
          { status: 202, replayed: true, body: { ...accepted, id: 'cart-8' } },
        ],
      },
      { Vary: 'Results depend on `Accept`, as an answer to a message alone does' },
    ),
    ...refusal.failing(
      refusal.readingBody(maxBytes),
      refusal.invalid(['body'], 'too_big', 'must be 1 to 1000 messages'),
    ),
  },
});

const status: Operation = {
  operationId: 'messageStatus',
  summary: 'What has become of a message',
  tags,
  parameters: [ID],
  responses: {
    200: jsonAnswer('Its status and what happened to it', 'MessageStatus', {
      ...summary,
      timeline: [{ event: 'accepted', at: summary.accepted_at, attempt: 1, due_at: DUE_AT }],
    }),
    ...refusal.failingGet(
      refusal.boundKey,
      refusal.unknownMessage,
      refusal.ledgerNeeded('The status of a message'),
      refusal.askingBroker,
    ),
  },
};

const reschedule: Operation = {
  operationId: 'rescheduleMessage',
  summary: 'Have a message handled at another time',
  tags,
  parameters: [ID],
  requestBody: jsonBody('Reschedule', { delay: '1h' }),
  responses: {
    200: jsonAnswer('It is due then', 'Rescheduled', { id: 'cart-7', status: 'scheduled', due_at: DUE_AT }),
    ...refusal.failing(
      refusal.readingBody(),
      invalidDelay,
      refusal.boundKey,
      refusal.changing,
      refusal.ledgerNeeded('Rescheduling'),
      refusal.publishing,
    ),
  },
};

const cancel: Operation = {
  operationId: 'cancelMessage',
  summary: 'Have a message not handled at all',
  tags,
  parameters: [ID],
  responses: {
    200: jsonAnswer('It is cancelled', 'Cancelled', { id: 'cart-7', status: 'cancelled' }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.changing,
      refusal.ledgerNeeded('Cancelling by an id of your own'),
      refusal.publishing,
    ),
  },
};

const runNow: Operation = {
  operationId: 'runMessageNow',
  summary: 'Have a message handled now',
  tags,
  parameters: [ID],
  responses: {
    200: jsonAnswer('It is due now', 'RunNow', { id: 'cart-7', due_at: DUE_AT }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.changing,
      refusal.ledgerNeeded('Running a message now'),
      refusal.publishing,
    ),
  },
};

const overview: Operation = {
  operationId: 'overview',
  summary: 'How many messages there are, and what is due next',
  tags,
  responses: {
    200: jsonAnswer('As far as the ledger goes', 'Overview', {
      counts: { orders: { scheduled: 1, due: 0, retrying: 0, handled: 0, parked: 0, cancelled: 0 } },
      next_due: [summary],
      ledger: { messages: 1, most: 1_000_000, full: false },
      complete: true,
    }),
    ...refusal.failingGet(refusal.ledgerNeeded('The overview')),
  },
};

/** `/v1/messages` and what is below it, and `/v1/overview`. */
export const messagePaths = (batchMaxBytes: number): Paths => ({
  '/v1/messages': { get: list, post: accept },
  '/v1/messages/batch': { post: acceptBatch(batchMaxBytes) },
  '/v1/messages/{id}': { get: status, patch: reschedule, delete: cancel },
  '/v1/messages/{id}/run-now': { post: runNow },
  '/v1/overview': { get: overview },
});
