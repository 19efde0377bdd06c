/** Schedules and their progress, as the control stream has them. */

/** What of a schedule has been done. */
export interface Progress {
  /** The revision whose chain of ticks has come so far. */
  readonly revision: string;
  /** The latest time that is done, run or left out, in milliseconds since the epoch. */
  readonly at: number;
  /** Times of runs, in milliseconds since the epoch, in order. */
  readonly runs: readonly number[];
}

/** What the control stream has of schedules: definitions, of which the highest revision of a name stands, and what has been done. */
export type ScheduleEntry =
  | {
      readonly kind: 'schedule';
      readonly name: string;
      /** A ULID, by which definitions are in an order. */
      readonly revision: string;
      /** When the schedule was first put, in milliseconds since the epoch. */
      readonly createdAt: number;
      /** When it was put as it is, in milliseconds since the epoch. */
      readonly putAt: number;
      /** The time of a run at startup that is owed unless it is done, in milliseconds since the epoch. */
      readonly startupAt?: number | undefined;
      /** See definition.ts; null when the schedule is deleted. What this version cannot read is kept as it is. */
      readonly definition: unknown;
      /** What had been done when this was written. */
      readonly done?: Progress;
    }
  | ({ readonly kind: 'ticked'; readonly name: string } & Progress);

/** Whether this is such an entry. */
export function isScheduleEntry(entry: unknown): entry is ScheduleEntry {
  const { kind, name, revision } = (entry ?? {}) as Partial<ScheduleEntry>;
  if (![name, revision].every((value) => typeof value === 'string' && value !== '')) return false;
  if (kind === 'ticked') return isProgress(entry);
  if (kind !== 'schedule') return false;
  const { createdAt, putAt, startupAt, definition, done } = entry as Extract<
    ScheduleEntry,
    { kind: 'schedule' }
  >;
  const times = [createdAt, putAt, startupAt ?? 0].every(isTime);
  return times && definition !== undefined && (done === undefined || isProgress(done));
}

function isProgress(value: unknown): value is Progress {
  const { revision, at, runs } = value as Partial<Progress>;
  return typeof revision === 'string' && isTime(at) && Array.isArray(runs) && runs.every(isTime);
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
