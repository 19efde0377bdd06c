/** The operations on schedules. */
import { BrokenScheduleError, InProgressError, UnknownScheduleError } from '../../errors';
import {
  inHeader,
  inPath,
  jsonAnswer,
  jsonBody,
  type Operation,
  type Paths,
  type Refusals,
} from './operation';
import * as refusal from './refusals';

const tags = ['schedules'];
const NAME = inPath('name', 'The name of the schedule', 'orders-sweep');

const definition = {
  cron: '0 8,12,18 * * *',
  timezone: 'Europe/Berlin',
  to: 'orders',
  payload: { order_id: 'sweep' },
  run_at_startup: true,
};
const shown = {
  name: 'orders-sweep',
  status: 'active',
  ...definition,
  catch_up: 'last',
  paused: false,
  created_at: '2026-11-25T09:30:00.000Z',
  updated_at: '2026-11-25T09:30:00.000Z',
  last_runs: [{ at: '2026-11-25T09:30:00.000Z', id: 'schedule:orders-sweep:2026-11-25T09:30:00.000Z' }],
  next_runs: [
    ...['2026-11-25T11:00:00.000Z', '2026-11-25T17:00:00.000Z', '2026-11-26T07:00:00.000Z'],
    ...['2026-11-26T11:00:00.000Z', '2026-11-26T17:00:00.000Z'],
  ],
};

const invalidName = refusal.invalid(
  ['path', 'name'],
  'too_big',
  'Too big: expected string to have <=64 characters',
);
const unknown: Refusals = { unknownSchedule: new UnknownScheduleError('orders-sweep') };
const beingChanged: Refusals = {
  beingChanged: new InProgressError(
    'The schedule "orders-sweep" is being changed by another request. Try again.',
  ),
};
const broken: Refusals = {
  broken: new BrokenScheduleError(
    'The schedule "orders-sweep" cannot be read here: ✖ Unrecognized key: "moon"',
  ),
};

const list: Operation = {
  operationId: 'listSchedules',
  summary: 'All schedules, by name',
  tags,
  responses: {
    200: jsonAnswer('Those that the key may use', 'ScheduleList', { schedules: [shown] }),
    ...refusal.failingGet(refusal.askingBroker),
  },
};

const put: Operation = {
  operationId: 'putSchedule',
  summary: 'Have something run again and again',
  description: 'The same again changes nothing. Another definition takes the place of the one before.',
  tags,
  parameters: [NAME],
  requestBody: jsonBody('Schedule', definition),
  responses: {
    201: jsonAnswer('It is there from now on', 'ScheduleStatus', shown),
    200: jsonAnswer('It is as it is put', 'ScheduleStatus', shown),
    ...refusal.failing(
      refusal.boundKey,
      refusal.readingBody(),
      refusal.invalid(['body', 'cron'], 'invalid_value', 'the hour "25" is wrong: it must be from 0 to 23'),
      beingChanged,
      refusal.publishing,
    ),
  },
};

const get: Operation = {
  operationId: 'scheduleStatus',
  summary: 'A schedule, with its latest and its next runs',
  tags,
  parameters: [NAME],
  responses: {
    200: jsonAnswer('As it is now', 'ScheduleStatus', shown),
    ...refusal.failingGet(refusal.boundKey, invalidName, unknown, refusal.askingBroker),
  },
};

const remove: Operation = {
  operationId: 'deleteSchedule',
  summary: 'Have it run no more',
  tags,
  parameters: [NAME],
  responses: {
    200: jsonAnswer('It is gone', 'ScheduleDeleted', { name: 'orders-sweep', status: 'deleted' }),
    ...refusal.failing(refusal.boundKey, invalidName, unknown, refusal.publishing),
  },
};

const runNow: Operation = {
  operationId: 'runScheduleNow',
  summary: 'Have it run once, now',
  description: 'Beside its own times, and also while it is paused.',
  tags,
  parameters: [NAME, inHeader('traceparent', 'W3C Trace Context; stays with the message')],
  responses: {
    202: jsonAnswer(
      'RabbitMQ has the message',
      'Accepted',
      {
        id: '01M889VP87827ZMQA1T2EDV0CC',
        to: 'orders',
        status: 'scheduled',
        due_at: '2026-11-25T09:31:00.000Z',
      },
      { Location: 'Where its status is' },
    ),
    ...refusal.failing(refusal.boundKey, invalidName, unknown, broken, refusal.publishing),
  },
};

/** `/v1/schedules` and what is below it. */
export const schedulePaths: Paths = {
  '/v1/schedules': { get: list },
  '/v1/schedules/{name}': { put, get, delete: remove },
  '/v1/schedules/{name}/run-now': { post: runNow },
};
