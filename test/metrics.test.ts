import { register as globalRegistry } from 'prom-client';
import type { ConnectionState } from '../src/amqp/connection';
import { createMetrics, OBSERVED_GAUGES, type ObservedGauge } from '../src/metrics';
import { shown } from './samples';

const idle = {
  held: () => 0,
  waiting: () => 0,
  running: () => 0,
  handlers: () => 50,
  consuming: () => true,
};

test('each has a registry of its own, and there is none for all', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.accepted('orders');
  expect(await shown(one, 'accepted')).toEqual({ 'delay_broker_accepted_total{target="orders"}': 1 });
  expect(await shown(other, 'accepted')).toEqual({});
  expect(globalRegistry.getMetricsAsArray()).toEqual([]);
});

test('names have the prefix, or are those of the process; counters, and only they, end in _total', async () => {
  const metrics = createMetrics();
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => ({
    name,
    type,
  }));
  const own = types.filter(({ name }) => !/^(process|nodejs)_/.test(name));
  expect(own.length).toBeGreaterThan(15);
  for (const { name, type } of own) {
    expect(name).toMatch(/^delay_broker_/);
    expect({ name, total: name.endsWith('_total') }).toEqual({ name, total: type === 'counter' });
  }
  expect(types.map(({ name }) => name)).toContain('process_cpu_seconds_total');
});

test('a handling counts by target and outcome, with how late it was and how long it took in seconds', async () => {
  const metrics = createMetrics();
  metrics.handled('orders', { outcome: 'done', lateMs: 3, tookMs: 250 });
  metrics.handled('orders', { outcome: 'retried', lateMs: 0, tookMs: 250 });
  expect(await shown(metrics, 'handled', 'retries')).toEqual({
    'delay_broker_handled_total{target="orders",outcome="done"}': 1,
    'delay_broker_handled_total{target="orders",outcome="retried"}': 1,
    'delay_broker_retries_total{target="orders"}': 1,
  });
  const late = await shown(metrics, 'lateness_seconds');
  expect(late).toMatchObject({
    'delay_broker_lateness_seconds_bucket{le="0.001",target="orders"}': 1,
    'delay_broker_lateness_seconds_bucket{le="0.005",target="orders"}': 2,
    'delay_broker_lateness_seconds_sum{target="orders"}': 0.003,
  });
  const bounds = Object.keys(late).flatMap((name) => /le="([\d.]+)"/.exec(name)?.[1] ?? []);
  expect([bounds[0], bounds.at(-1)]).toEqual(['0.001', '60']);
  expect(await shown(metrics, 'handling_seconds_sum')).toEqual({
    'delay_broker_handling_seconds_sum{target="orders"}': 0.5,
  });
});

test("a target's state is read at each scrape", async () => {
  const metrics = createMetrics();
  let held = 1;
  metrics.watchTarget('orders', { ...idle, held: () => held });
  metrics.watchTarget('emails', { ...idle, consuming: () => false });
  held = 7;
  expect(await shown(metrics, 'held', 'handlers', 'consuming')).toEqual({
    'delay_broker_held{target="orders"}': 7,
    'delay_broker_held{target="emails"}': 0,
    'delay_broker_handlers{target="orders"}': 50,
    'delay_broker_handlers{target="emails"}': 50,
    'delay_broker_consuming{target="orders"}': 1,
    'delay_broker_consuming{target="emails"}': 0,
  });
});

test('what has not happened yet counts as 0, so that the first time shows as an increase', async () => {
  const metrics = createMetrics();
  metrics.watchTarget('orders', idle);
  metrics.expectMessages(['orders'], ['outcome_unknown']);
  const counters = await shown(metrics, 'handled', 'parked', 'repeats', 'void', 'accepted', 'refused');
  expect(Object.keys(counters)).toEqual(
    expect.arrayContaining([
      'delay_broker_handled_total{target="orders",outcome="parked"}',
      'delay_broker_parked_total{target="orders",reason="attempts exhausted"}',
      'delay_broker_void_total{target="orders"}',
      'delay_broker_refused_total{target="orders",reason="outcome_unknown"}',
    ]),
  );
  expect(new Set(Object.values(counters))).toEqual(new Set([0]));
});

test.each<[string, ConnectionState[], { up: number; blocked: number; reconnects: number }]>([
  ['is not there before it is', [], { up: 0, blocked: 0, reconnects: 0 }],
  ['has not come back when it comes first', ['down', 'up'], { up: 1, blocked: 0, reconnects: 0 }],
  ['is up while it is blocked', ['up', 'blocked'], { up: 1, blocked: 1, reconnects: 0 }],
  [
    'has not come back when it is blocked no longer',
    ['up', 'blocked', 'up'],
    { up: 1, blocked: 0, reconnects: 0 },
  ],
  ['is gone', ['up', 'blocked', 'down', 'down'], { up: 0, blocked: 0, reconnects: 0 }],
  ['has come back twice', ['up', 'down', 'down', 'up', 'down', 'up'], { up: 1, blocked: 0, reconnects: 2 }],
])('a connection %s', async (_, states, { up, blocked, reconnects }) => {
  const metrics = createMetrics();
  const onStateChange = metrics.watchConnection('publish');
  for (const state of states) onStateChange(state);
  expect(await shown(metrics, 'connection', 'reconnects')).toEqual({
    'delay_broker_connection_up{purpose="publish"}': up,
    'delay_broker_connection_blocked{purpose="publish"}': blocked,
    'delay_broker_reconnects_total{purpose="publish"}': reconnects,
  });
});

test('what another part fills is shown once it is there, and read at each scrape', async () => {
  const metrics = createMetrics();
  expect(await shown(metrics, 'ledger', 'topology', 'verdicts')).toEqual({});
  let value = 1;
  const names = Object.keys(OBSERVED_GAUGES) as ObservedGauge[];
  for (const name of names) metrics.observe(name, () => value);
  value = 2;
  expect(await shown(metrics, 'ledger', 'topology', 'verdicts')).toEqual(
    Object.fromEntries(names.map((name) => [name, 2])),
  );
  expect(() => metrics.observe('delay_broker_verdicts', () => 0)).toThrow('delay_broker_verdicts');
});

test('void deliveries, repeats and what is set aside count by target', async () => {
  const metrics = createMetrics();
  metrics.voidDropped('emails');
  metrics.repeatDropped('emails');
  metrics.parked('emails', 'rejected');
  expect(await shown(metrics, 'void', 'repeats', 'parked')).toEqual({
    'delay_broker_void_total{target="emails"}': 1,
    'delay_broker_repeats_dropped_total{target="emails"}': 1,
    'delay_broker_parked_total{target="emails",reason="rejected"}': 1,
  });
});
