/** Whether the machine has time to be measured: on a busy one everybody is slow, and not in proportion. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the cores have done since they started, in whatever unit. */
export interface CoreTimes {
  readonly idle: number;
  readonly all: number;
}

/** The share of all cores that had nothing to do between two looks, from 0 to 1; NaN when no time has passed. */
export function idleShare(before: CoreTimes, after: CoreTimes): number {
  return (after.idle - before.idle) / (after.all - before.all);
}

/** Looks for so long, in milliseconds, how much of the machine is idle. */
export async function measureIdle(forMs: number): Promise<number> {
  const before = coreTimes();
  await sleep(forMs);
  return idleShare(before, coreTimes());
}

function coreTimes(): CoreTimes {
  const times = cpus().map((core) => core.times);
  const sum = (of: (time: (typeof times)[number]) => number) =>
    times.reduce((total, time) => total + of(time), 0);
  return {
    idle: sum(({ idle }) => idle),
    all: sum(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq),
  };
}
