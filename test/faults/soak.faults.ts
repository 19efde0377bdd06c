/** Scene 9, first part: a steady load for long; nothing grows with time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gauge, watchProcesses } from './gauges';
import { FORM, scene } from './scene';
import { afterWarmUp, type Point, type Trend, trendOf } from './trend';

const MINUTE_MS = 60_000;

/** How much more at the end than after the warm-up is still flat: the more of these two. */
const TOLERATED = {
  memory: { share: 0.1, amount: 10 },
  handles: { share: 0, amount: 5 },
  /** In milliseconds: machines have other things to do. */
  lateness: { share: 0, amount: 50 },
};

const UNITS = { memory: 'MB', handles: 'files', lateness: 'ms late' };
type Kind = keyof typeof TOLERATED;

function isFlat(kind: Kind, { from, to }: Trend): boolean {
  const { share, amount } = TOLERATED[kind];
  return to - from <= Math.max(share * from, amount);
}

/** How late messages were, as the process itself says. */
function latenessOf({ service }: Gauge): Point[] {
  return (service?.log ?? [])
    .filter(({ message }) => message === 'handled')
    .map(({ timestamp, lateMs }) => ({ at: Date.parse(String(timestamp)), value: Number(lateMs) }));
}

function trendsOf(gauge: Gauge): [Kind, Trend][] {
  const series: [Kind, Point[]][] = [
    ['memory', gauge.memory],
    ['handles', gauge.handles],
    ['lateness', latenessOf(gauge)],
  ];
  return series
    .filter(([, points]) => points.length > 0)
    .map(([kind, points]) => [kind, trendOf(afterWarmUp(points))]);
}

function described(kind: Kind, { to, perMinute }: Trend): string {
  return `${to.toFixed(1)} ${UNITS[kind]} (${perMinute < 0 ? '' : '+'}${perMinute.toFixed(2)} a minute)`;
}

scene(
  `a steady load for ${FORM.soakMinutes} min`,
  async (stage) => {
    const gauges = watchProcesses(stage);
    await sleep(FORM.soakMinutes * MINUTE_MS);
    await gauges.stop();
    const growing = gauges.all.flatMap((gauge) => {
      const trends = trendsOf(gauge);
      stage.notes.push(`${gauge.name}: ${trends.map((trend) => described(...trend)).join(', ')}`);
      // The broker keeps what the load adds to its streams; that is bounded by their limits, not by time.
      const isOurs = gauge.service !== undefined;
      return trends
        .filter(([kind, trend]) => isOurs && !isFlat(kind, trend))
        .map(([kind]) => `${kind} of ${gauge.name}`);
    });
    expect(growing).toEqual([]);
  },
  {
    // What an API keeps in view is bounded; it has to be full before anything can be flat.
    env: { LEDGER_MAX: '5000', LOG_SAMPLE: '0.1' },
    timeoutMs: (FORM.soakMinutes + 10) * MINUTE_MS,
  },
);
