/** A steady load for long; nothing grows with time. */
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

/** Thrice what one of them needs. */
const HEAP_MB = 96;

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
    for (const gauge of gauges.all) {
      const trends = trendsOf(gauge);
      stage.notes.push(`${gauge.name}: ${trends.map((trend) => described(...trend)).join(', ')}`);
      // The broker keeps what the load adds to its streams; that is bounded by their limits, not by time.
      const isOurs = gauge.service !== undefined;
      const growing = trends.filter(([kind, trend]) => isOurs && !isFlat(kind, trend));
      stage.findings.push(...growing.map(([kind]) => `the ${kind} of ${gauge.name} grows`));
    }
  },
  {
    // What an API keeps in view is bounded; with room for what is pending it is full before the warm-up is over.
    env: {
      LEDGER_MAX: String(Math.max(1_000, 25 * FORM.rate)),
      LOG_SAMPLE: '0.1',
    },
    heapMb: { api: HEAP_MB, consumer: HEAP_MB },
    timeoutMs: (FORM.soakMinutes + 10) * MINUTE_MS,
  },
);
