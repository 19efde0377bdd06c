/**
 * What a tick leads to. Pure: it looks at the schedule, the tick and the time.
 *
 * A schedule's ticks are a chain: each one publishes the next. Several chains of one schedule grow together again, as
 * a time is done once, and whichever tick comes for it later ends there.
 */
import { type BrokenSchedule, isRunnable, type Schedule } from './memory';

/** What a tick carries. */
export interface Tick {
  /** The schedule's. */
  readonly name: string;
  /** The schedule's when the tick was published. */
  readonly revision: string;
  /** The time that it stands for, in milliseconds since the epoch. */
  readonly at: number;
}

/** What is to be done. */
export interface Plan {
  /** Times to run, in milliseconds since the epoch, in order. */
  readonly runs: readonly number[];
  /** The latest time that is done then; undefined when it is too early for any. */
  readonly doneAt: number | undefined;
  /** The time of the tick to publish; undefined when there is none to come. */
  readonly nextAt: number | undefined;
}

/**
 * How long before its time a tick is due, in milliseconds: what it publishes for that time waits in the wheel like any
 * other message, and is as punctual. A change of the schedule that comes later than that takes effect with the next run.
 */
export const TICK_LEAD_MS = 2_000;

/** A tick may come before its lead begins by as much as two clocks differ, in milliseconds. */
const EARLY_MS = 1_000;

/** Runs that are made up for at most. */
const MOST_MISSED = 100;

/** What is later than this, in milliseconds, counts as missed where nothing is made up for. */
const GRACE_MS = 60_000;

/** The first time that is not done; undefined when there is none, or the schedule does not run. */
export function nextTime(schedule: Schedule | BrokenSchedule | undefined): number | undefined {
  if (!isRunnable(schedule)) return undefined;
  return owedStartup(schedule) ?? schedule.times.next(doneUpTo(schedule));
}

/** The first so many times that are not done. */
export function nextTimes(schedule: Schedule | BrokenSchedule | undefined, most: number): number[] {
  const times: number[] = [];
  for (let at = nextTime(schedule); at !== undefined && times.length < most; ) {
    times.push(at);
    at = isRunnable(schedule) ? schedule.times.next(Math.max(at, doneUpTo(schedule))) : undefined;
  }
  return times;
}

/** Decides what a tick leads to; undefined when it ends here. */
export function planTick(
  schedule: Schedule | BrokenSchedule | undefined,
  tick: Tick,
  now: number,
): Plan | undefined {
  if (!isRunnable(schedule) || schedule.revision !== tick.revision) return undefined;
  const { times } = schedule;
  const startup = owedStartup(schedule);
  const regularAt = times.next(doneUpTo(schedule));
  const at = startup ?? regularAt;
  if (at === undefined) return undefined;
  // Another tick of the same chain has done that time, and published the next.
  if (schedule.done?.revision === tick.revision && tick.at < at) return undefined;
  if (at - now > TICK_LEAD_MS + EARLY_MS) return { runs: [], doneAt: undefined, nextAt: at };
  if (regularAt === undefined || regularAt > now)
    return { runs: [at], doneAt: at, nextAt: startup === undefined ? times.next(at) : regularAt };
  const doneAt = times.latest(1, regularAt - 1, now)[0] ?? regularAt;
  return { runs: [startup ?? [], missed(schedule, now)].flat(), doneAt, nextAt: times.next(doneAt) };
}

/** Of the times that have passed and are not done, those to run all the same. */
function missed(schedule: Schedule, now: number): number[] {
  const { times, definition } = schedule;
  const most = definition.catch_up === 'all' ? MOST_MISSED : 1;
  const latest = times.latest(most, doneUpTo(schedule), now);
  return definition.catch_up === 'none' ? latest.filter((at) => now - at <= GRACE_MS) : latest;
}

/** The run at startup, which no other one stands for; undefined when there is none, or it is done. */
function owedStartup({ startupAt, done }: Schedule): number | undefined {
  return startupAt !== undefined && (!done || done.at < startupAt) ? startupAt : undefined;
}

/** Up to which time no regular run is owed: what lies before a schedule was put as it is, is not its concern. */
function doneUpTo({ done, putAt }: Schedule): number {
  return Math.max(done?.at ?? 0, putAt);
}
