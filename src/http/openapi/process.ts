/** The operations that are about the process and the API itself. */
import { jsonAnswer, type Operation, type Paths, textAnswer } from './operation';
import * as refusal from './refusals';

const tags = ['process'];

const get = (operationId: string, summary: string, responses: Operation['responses']) => ({
  get: { operationId, summary, tags, responses },
});

/** `/livez`, `/readyz`, `/metrics`, `/openapi.json` and `/docs`. */
export const processPaths: Paths = {
  '/livez': get('livez', 'Whether the process runs', {
    200: jsonAnswer('It runs', 'Alive', { status: 'alive' }),
    ...refusal.failingForAnybody(),
  }),
  '/readyz': get('readyz', 'Whether it can do its work', {
    200: jsonAnswer('It can', 'Ready', { status: 'ready' }),
    ...refusal.failingForAnybody(refusal.notReady),
  }),
  '/metrics': get('metrics', 'Metrics for Prometheus', {
    200: textAnswer(
      'In its text format',
      'text/plain',
      'delay_broker_messages_accepted_total{to="orders"} 1\n',
    ),
    ...refusal.failingGet(),
  }),
  '/openapi.json': get('openapi', 'This document', {
    200: {
      description: 'OpenAPI 3.1',
      content: { 'application/json': { schema: { type: 'object' }, example: { openapi: '3.1.1' } } },
    },
    ...refusal.failingGet(),
  }),
  '/docs': get('docs', 'This document to read', {
    200: textAnswer('A page', 'text/html', '<!doctype html>'),
    ...refusal.failingGet(),
  }),
};
