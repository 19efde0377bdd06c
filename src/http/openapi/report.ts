/** The operation that sums up what happened. */
import { reportQuery } from '../report';
import { jsonAnswer, type Operation, type Paths } from './operation';
import * as refusal from './refusals';
import { queryParameters } from './schemas';

const activity = {
  ...{ accepted: 2, handled: 1, retried: 1, parked: 0, cancelled: 0 },
  lateness_ms: { p50: 1, p90: 1, p99: 1, max: 1 },
};

const report: Operation = {
  operationId: 'report',
  summary: 'What happened in a period, and what is pending after it',
  description:
    'For a key that is bound to targets, of these alone. It is read from the ledger, which takes the longer the further back `from` lies; a process makes one report at a time.',
  tags: ['messages'],
  parameters: queryParameters(reportQuery),
  responses: {
    200: jsonAnswer('As far as the ledger goes', 'Report', {
      from: '2026-11-24T00:00:00.000Z',
      to: '2026-11-25T00:00:00.000Z',
      made_at: '2026-11-25T07:12:05.118Z',
      complete: true,
      total: activity,
      targets: { orders: activity },
      reasons: [{ to: 'orders', error: 'POST shop.example answered 500', times: 1 }],
      pending: {
        from: '2026-11-25T00:00:00.000Z',
        to: '2026-11-26T00:00:00.000Z',
        messages: 1,
        targets: { orders: 1 },
        hours: [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      },
    }),
    ...refusal.failingGet(
      refusal.invalid(['query', 'from'], 'invalid_value', 'must be at most 31 days before to'),
      refusal.ledgerNeeded('The report'),
      refusal.readingLedger,
    ),
  },
};

/** `/v1/report`. */
export const reportPaths: Paths = { '/v1/report': { get: report } };
