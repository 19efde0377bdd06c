/** When a schedule runs: the times of its cron expression or its interval, one after the other. Pure; it knows no clock. */
import { Cron } from 'croner';

/** What the times follow from; exactly one of `cron` and `everyMs` is there. */
export interface Timing {
  /** Five or six fields, the sixth for seconds before the others. */
  readonly cron?: string | undefined;
  /** Milliseconds from one run to the next, counted from `startsAt`, or else from the epoch. */
  readonly everyMs?: number | undefined;
  /** IANA zone that the cron expression is read in. */
  readonly timezone: string;
  /** The first possible time, in milliseconds since the epoch; default any. */
  readonly startsAt?: number | undefined;
  /** The last possible time, in milliseconds since the epoch; default any. */
  readonly endsAt?: number | undefined;
}

/** The times of a schedule, in milliseconds since the epoch. */
export interface Times {
  /** The first after this one; undefined when there is none. */
  next(after: number): number | undefined;
  /** The latest so many in a period, in order; `after` itself is not part of it, `upTo` is. */
  latest(most: number, after: number, upTo: number): number[];
}

/**
 * The times of this timing. A wall-clock time that a change of the clock leaves out is run right after the change, one
 * that comes twice the first time; where a field of the time has a wildcard or a step, every time that there is counts.
 *
 * @throws croner's error for an expression or a zone that there is none, see cron.ts
 */
export function timesOf({ startsAt = 0, endsAt = Number.POSITIVE_INFINITY, ...rule }: Timing): Times {
  const { cron, everyMs = 0, timezone } = rule;
  const times = cron === undefined ? intervalTimes(everyMs, startsAt) : cronTimes(cron, timezone);
  return {
    next(after) {
      const next = times.next(Math.max(after, startsAt - 1));
      return next !== undefined && next <= endsAt ? next : undefined;
    },
    latest: (most, after, upTo) => times.latest(most, Math.max(after, startsAt - 1), Math.min(upTo, endsAt)),
  };
}

function intervalTimes(everyMs: number, anchor: number): Times {
  return {
    next: (after) => anchor + (Math.floor((after - anchor) / everyMs) + 1) * everyMs,
    latest(most, after, upTo) {
      const last = anchor + Math.floor((upTo - anchor) / everyMs) * everyMs;
      const count = Math.min(most, Math.max(0, Math.ceil((last - after) / everyMs)));
      return Array.from({ length: count }, (_, i) => last - (count - 1 - i) * everyMs);
    },
  };
}

function cronTimes(expression: string, timezone: string): Times {
  const cron = openCron(expression, timezone);
  return {
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
    latest(most, after, upTo) {
      const times: number[] = [];
      // Before a moment, as croner has it: a millisecond later includes it.
      for (let before = upTo + 1; times.length < most; ) {
        const [time] = cron.previousRuns(1, new Date(before)).map((date) => date.getTime());
        if (time === undefined || time <= after) break;
        times.unshift(time);
        before = time;
      }
      return times;
    },
  };
}

/**
 * An expression as everything here reads it; it starts no timer.
 *
 * @throws croner's error for an expression or a zone that there is none
 */
export function openCron(expression: string, timezone: string): Cron {
  return new Cron(expression, {
    timezone,
    mode: '5-or-6-parts',
    // Like cron itself: `0 2,14 * * *` is as much a fixed time as `0 2 * * *`, of which no run may be missing.
    fixedTimeRule: 'no-wildcard',
    paused: true,
  });
}
