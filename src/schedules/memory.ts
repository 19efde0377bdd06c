/** The schedules, in memory, as the control stream has them. Whoever reads the same entries knows the same schedules. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { messageOf } from '../errors';
import { dueAtOfId, idDueAt } from '../message';
import { type Definition, definitionSchema, timingOf } from './definition';
import type { Progress, ScheduleEntry } from './entry';
import { type Times, timesOf } from './times';

/** A schedule that is there. */
export interface Schedule {
  readonly name: string;
  /** See ScheduleEntry. */
  readonly revision: string;
  /** When it was first put, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** When it was last put, in milliseconds since the epoch. */
  readonly putAt: number;
  /** See ScheduleEntry. */
  readonly startupAt: number | undefined;
  readonly definition: Definition;
  readonly times: Times;
  /** Undefined before the first tick. */
  readonly done: Progress | undefined;
}

/** A schedule that another version has put, and this one cannot read. */
export interface BrokenSchedule
  extends Pick<Schedule, 'name' | 'revision' | 'createdAt' | 'putAt' | 'startupAt' | 'done'> {
  /** As it is. */
  readonly definition: unknown;
  /** What is wrong with it, for people. */
  readonly fault: string;
}

/** The schedules of this process. */
export interface ScheduleMemory {
  /** Takes an entry of the stream; `writtenAt` is when it was written, in milliseconds since the epoch. */
  note(entry: ScheduleEntry, writtenAt: number): void;
  /** Undefined when there is none of this name, or no longer. */
  get(name: string): Schedule | BrokenSchedule | undefined;
  /** By name. */
  all(): (Schedule | BrokenSchedule)[];
  /** The revision of what is put next under this name: higher than any before, also of what was deleted. */
  nextRevision(name: string, now: number): string;
  /** Entries to write again, so that what was written before this time, in milliseconds since the epoch, may be cut off. */
  writtenBefore(time: number): ScheduleEntry[];
  /** None of them stands in the stream any more: from now on all count as written long ago. */
  noteStreamLost(): void;
}

/** Kept of runs: enough to show. */
const RUNS_KEPT = 5;

interface Kept {
  schedule: Schedule | BrokenSchedule | Deleted;
  writtenAt: number;
}

/** Remembered, so that an older definition that is written again does not bring it back. */
interface Deleted extends Pick<Schedule, 'name' | 'revision' | 'createdAt' | 'putAt' | 'startupAt' | 'done'> {
  readonly definition: null;
}

/** None yet. */
export function createScheduleMemory(): ScheduleMemory {
  const kept = new Map<string, Kept>();

  function define(entry: Extract<ScheduleEntry, { kind: 'schedule' }>, writtenAt: number): void {
    const { name, revision } = entry;
    const before = kept.get(name)?.schedule;
    if (before && before.revision > revision) return;
    const isThere = before !== undefined && before.definition !== null;
    const done = further(isThere ? before.done : undefined, entry.done);
    if (before?.revision === revision) kept.set(name, { schedule: { ...before, done }, writtenAt });
    else {
      // Of two that are first put at the same instant both count from the first.
      const createdAt = isThere ? before.createdAt : entry.createdAt;
      const owedAt = isThere ? before.startupAt : entry.startupAt;
      const startupAt = entry.startupAt === undefined ? undefined : owedAt;
      kept.set(name, { schedule: scheduleOf({ ...entry, createdAt, startupAt }, done), writtenAt });
    }
  }

  return {
    note(entry, writtenAt) {
      if (entry.kind === 'schedule') return define(entry, writtenAt);
      const { name, revision, at, runs } = entry;
      const known = kept.get(name);
      if (!known) return;
      const { done } = known.schedule;
      if (done && done.at > at) return;
      const latest = [...new Set([...(done?.runs ?? []), ...runs])].slice(-RUNS_KEPT);
      kept.set(name, { ...known, schedule: { ...known.schedule, done: { revision, at, runs: latest } } });
    },
    get: (name) => present(kept.get(name)),
    all: () =>
      [...kept.values()].flatMap((each) => present(each) ?? []).sort((a, b) => (a.name < b.name ? -1 : 1)),
    nextRevision(name, now) {
      const latest = kept.get(name)?.schedule.revision;
      return idDueAt(latest === undefined ? now : Math.max(now, (dueAtOfId(latest) ?? 0) + 1));
    },
    writtenBefore: (time) =>
      [...kept.values()].flatMap(({ schedule, writtenAt }) =>
        writtenAt < time && schedule.definition !== null ? [entryOf(schedule)] : [],
      ),
    noteStreamLost() {
      for (const each of kept.values()) each.writtenAt = 0;
    },
  };
}

/** Whether a schedule can run. */
export function isRunnable(schedule: Schedule | BrokenSchedule | undefined): schedule is Schedule {
  return schedule !== undefined && 'times' in schedule && !schedule.definition.paused;
}

/** Whether two definitions are the same. */
export function isSameDefinition(one: unknown, other: unknown): boolean {
  // As JSON has them: a field that is undefined is none.
  return isDeepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
}

function present(known: Kept | undefined): Schedule | BrokenSchedule | undefined {
  return known && known.schedule.definition !== null
    ? (known.schedule as Schedule | BrokenSchedule)
    : undefined;
}

function scheduleOf(
  { name, revision, createdAt, putAt, startupAt, definition }: Extract<ScheduleEntry, { kind: 'schedule' }>,
  done: Progress | undefined,
): Kept['schedule'] {
  const about = { name, revision, createdAt, putAt, startupAt, done };
  if (definition === null) return { ...about, definition };
  try {
    const { data, error } = definitionSchema.safeParse(definition);
    if (error) return { ...about, definition, fault: z.prettifyError(error) };
    return { ...about, definition: data, times: timesOf(timingOf(data)) };
  } catch (error) {
    return { ...about, definition, fault: messageOf(error) };
  }
}

function entryOf(schedule: Kept['schedule']): ScheduleEntry {
  const { name, revision, createdAt, putAt, startupAt, definition, done } = schedule;
  return {
    ...{ kind: 'schedule', name, revision, createdAt, putAt, definition },
    ...(startupAt !== undefined && { startupAt }),
    ...(done && { done }),
  };
}

function further(one: Progress | undefined, other: Progress | undefined): Progress | undefined {
  if (!one || !other) return one ?? other;
  return other.at > one.at ? other : one;
}
