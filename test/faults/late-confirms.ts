/** When RabbitMQ confirmed late, as the processes say. Pure. */
import type { LogLine } from '../broker/service';
import type { Fault } from './journal';

/** CONFIRM_TIMEOUT_MS as it is by default. */
const CONFIRM_TIMEOUT_MS = 1_500;
/** With less in between, in milliseconds, it is the same time. */
const APART_MS = 30_000;
const LATE = /did not confirm within|confirms take longer than/;

/** The times at which confirms were late, each from the publish that waited first until the last one that was given up. */
export function lateConfirms(log: readonly LogLine[]): Fault[] {
  const times = log
    .filter(({ error }) => LATE.test(String(error)))
    .map(({ timestamp }) => Date.parse(String(timestamp)))
    .sort((a, b) => a - b);
  const starts = times.filter((at, i) => at - (times[i - 1] ?? Number.NEGATIVE_INFINITY) > APART_MS);
  return starts.map((start, i) => ({
    name: 'confirms late',
    from: start - CONFIRM_TIMEOUT_MS,
    to: Math.max(...times.filter((at) => at < (starts[i + 1] ?? Number.POSITIVE_INFINITY))),
  }));
}
