/** The operations on what failed for good. */
import { lookQuery } from '../parked';
import { inPath, jsonAnswer, jsonBody, type Operation, type Paths } from './operation';
import * as refusal from './refusals';
import { queryParameters } from './schemas';

const tags = ['parked'];
const TARGET = inPath('target', 'A target, or `delay.unroutable`', 'orders');

const counts: Operation = {
  operationId: 'countParked',
  summary: 'How many messages failed for good',
  tags,
  responses: {
    200: jsonAnswer('By target', 'ParkedCounts', { parked: [{ target: 'orders', messages: 1 }] }),
    ...refusal.failingGet(refusal.askingBroker),
  },
};

const look: Operation = {
  operationId: 'lookAtParked',
  summary: 'What failed for good, and why',
  tags,
  parameters: [TARGET, ...queryParameters(lookQuery)],
  responses: {
    200: jsonAnswer('What is parked', 'ParkedMessages', {
      target: 'orders',
      messages: 1,
      parked: [
        {
          id: 'order:A-1',
          to: 'orders',
          reason: 'attempts exhausted',
          error: 'POST shop.example answered 500',
          attempts: 10,
          first_attempt_at: '2026-11-25T04:03:22.451Z',
          last_attempt_at: '2026-11-25T04:30:22.741Z',
          parked_at: '2026-11-25T04:30:22.742Z',
          due_at: '2026-11-25T04:30:22.740Z',
          payload: { order_id: 'A-1' },
        },
      ],
    }),
    ...refusal.failingGet(
      refusal.boundKey,
      refusal.unknownTarget,
      refusal.invalid(['query', 'limit'], 'invalid_format', 'must be a whole number from 1 to 100'),
      refusal.askingBroker,
    ),
  },
};

const remove: Operation = {
  operationId: 'deleteParked',
  summary: 'Throw parked messages away',
  tags,
  parameters: [TARGET],
  requestBody: jsonBody('Delete', { ids: ['order:A-1'] }),
  responses: {
    200: jsonAnswer('What is gone', 'Deleted', { deleted: 1, not_found: [] }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.unknownTarget,
      refusal.readingBody(),
      refusal.invalid(['body', 'ids'], 'missing', 'field required'),
      refusal.askingBroker,
    ),
  },
};

const redrive: Operation = {
  operationId: 'redriveParked',
  summary: 'Have parked messages handled once more, now',
  tags,
  parameters: [TARGET],
  requestBody: jsonBody('Redrive', { ids: ['order:A-1'] }, { required: false }),
  responses: {
    200: jsonAnswer('What is on its way', 'Redriven', { redriven: 1, not_redriven: [], not_found: [] }),
    ...refusal.failing(
      refusal.boundKey,
      refusal.unknownTarget,
      refusal.readingBody(),
      refusal.invalid(['body', 'ids'], 'too_small', 'Too small: expected array to have >=1 items'),
      refusal.publishing,
    ),
  },
};

/** `/v1/parked` and what is below it. */
export const parkedPaths: Paths = {
  '/v1/parked': { get: counts },
  '/v1/parked/{target}': { get: look, delete: remove },
  '/v1/parked/{target}/redrive': { post: redrive },
};
