import { observeAcceptance } from '../../src/changes/observe-acceptance';
import { BrokerUnavailableError, OutcomeUnknownError, PublishRefusedError } from '../../src/errors';
import { createMetrics } from '../../src/metrics';
import { createScheduler } from '../../src/scheduler';
import { shown } from '../samples';

const NOW = Date.parse('2026-11-20T12:00:00.000Z');

/** A scheduler whose broker answers like this, and its metrics. */
function observed(answer: () => Promise<void>) {
  const metrics = createMetrics();
  const publisher = { publish: answer, close: async () => {} };
  const scheduler = observeAcceptance({
    scheduler: createScheduler({ publisher, clock: () => NOW }),
    metrics,
  });
  return { metrics, scheduler };
}

const request = { to: 'orders', payload: {}, dueAt: NOW };

/** The counts that are not 0. */
const counted = async (metrics: ReturnType<typeof createMetrics>) =>
  Object.entries(await shown(metrics, 'accepted', 'refused')).filter(([, count]) => count > 0);

test('what the broker has confirmed is accepted', async () => {
  const { metrics, scheduler } = observed(async () => {});
  const message = await scheduler.schedule(request);
  expect(message).toMatchObject({ to: 'orders', dueAt: NOW });
  expect(await counted(metrics)).toEqual([['delay_broker_accepted_total{target="orders"}', 1]]);
});

test.each([
  ['broker_unavailable', new BrokerUnavailableError('not reachable')],
  ['publish_refused', new PublishRefusedError('returned')],
  ['outcome_unknown', new OutcomeUnknownError('no confirm')],
  ['unexpected', new TypeError('a mistake')],
])('what is not accepted is counted as %s and thrown on', async (reason, error) => {
  const { metrics, scheduler } = observed(() => Promise.reject(error));
  await expect(scheduler.schedule(request)).rejects.toBe(error);
  expect(await counted(metrics)).toEqual([
    [`delay_broker_refused_total{target="orders",reason="${reason}"}`, 1],
  ]);
});

test('what is sent round again was accepted before', async () => {
  const { metrics, scheduler } = observed(async () => {});
  const message = await scheduler.schedule(request);
  await scheduler.forward(message);
  expect(await counted(metrics)).toEqual([['delay_broker_accepted_total{target="orders"}', 1]]);
});
