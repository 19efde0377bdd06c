/**
 * Schedules, as everybody sees them: by way of the control stream. What keeps one going is a chain of delayed messages,
 * its ticks; no process has to be there in between.
 */
import type { Clock } from '../clock';
import type { ControlStream } from '../control/entry';
import { BrokerUnavailableError, InProgressError, UnknownScheduleError } from '../errors';
import type { Scheduler } from '../scheduler';
import { TICKS } from '../targets';
import { createTurns } from '../turns';
import { LONGEST_DELAY_MS } from '../wheel';
import type { Definition } from './definition';
import type { Progress } from './entry';
import { type BrokenSchedule, isSameDefinition, type Schedule, type ScheduleMemory } from './memory';
import { nextTime, TICK_LEAD_MS, type Tick } from './plan';

/** The schedules. What publishes throws what Publisher.publish throws. */
export interface Schedules {
  /**
   * Resolves once everything is known that RabbitMQ has confirmed until now.
   *
   * @throws BrokerUnavailableError when the control stream cannot be read for now
   */
  known(): Promise<void>;
  /** Undefined when there is none of this name. As far as is known. */
  get(name: string): Schedule | BrokenSchedule | undefined;
  /** By name. As far as is known. */
  all(): (Schedule | BrokenSchedule)[];
  /**
   * Puts a schedule in the place of what has its name. The same again changes nothing.
   *
   * @throws BrokerUnavailableError as `known` does
   * @throws InProgressError when another one is put at the same moment, and stands
   */
  put(name: string, definition: Definition): Promise<PutSchedule>;
  /**
   * Deletes a schedule.
   *
   * @throws BrokerUnavailableError as `known` does
   * @throws UnknownScheduleError there is none of this name
   */
  remove(name: string): Promise<void>;
  /** Publishes a tick. */
  tick(tick: Tick): Promise<void>;
  /** Notes what has been done of a schedule; resolves once confirmed. */
  progress(name: string, progress: Progress): Promise<void>;
  /** Publishes a tick for each schedule that runs soon, whether its chain is lost or not: see plan.ts. */
  tickAll(signal: AbortSignal): Promise<void>;
  /** Writes again what was written before this time, so that it outlives the part of the stream that it is in. */
  renew(writtenBefore: number, signal: AbortSignal): Promise<void>;
}

/** A schedule as it is put, and whether that changed anything. */
export interface PutSchedule {
  readonly schedule: Schedule;
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

/** Options of createSchedules. */
export interface SchedulesOptions {
  readonly stream: ControlStream;
  /** Told what the stream has. */
  readonly memory: ScheduleMemory;
  readonly scheduler: Pick<Scheduler, 'schedule'>;
  readonly clock: Clock;
}

/** How long the stream may take to prove what is known, in milliseconds. */
const KNOWN_TIMEOUT_MS = 5_000;

/** How often chains that were lost are looked for, in milliseconds. */
export const TICK_ALL_EVERY_MS = 3_600_000;
/** What runs later than this, in milliseconds, is looked for the next time. */
const SOON_MS = 1.25 * TICK_ALL_EVERY_MS;

/** The schedules of this stream. */
export function createSchedules({ stream, memory, scheduler, clock }: SchedulesOptions): Schedules {
  const inTurn = createTurns();

  async function known(): Promise<void> {
    const timeout = AbortSignal.timeout(KNOWN_TIMEOUT_MS);
    await stream.knownSince(0, timeout).catch((cause) => {
      throw new BrokerUnavailableError('The schedules cannot be read from RabbitMQ for now.', { cause });
    });
  }

  async function tick({ name, revision, at }: Tick): Promise<void> {
    const dueAt = Math.min(at - TICK_LEAD_MS, clock() + LONGEST_DELAY_MS);
    await scheduler.schedule({ to: TICKS, payload: { name, revision, at }, dueAt });
  }

  async function put(name: string, definition: Definition): Promise<PutSchedule> {
    await known();
    const before = memory.get(name);
    const changes = !before || !isSameDefinition(before.definition, definition);
    if (changes) {
      const putAt = clock();
      const createdAt = before?.createdAt ?? putAt;
      const startupAt = startupOf(definition, before, putAt);
      const revision = memory.nextRevision(name, putAt);
      await stream.write({ kind: 'schedule', name, revision, createdAt, putAt, startupAt, definition }, name);
      await known();
    }
    const schedule = memory.get(name);
    if (!schedule || 'fault' in schedule || !isSameDefinition(schedule.definition, definition))
      throw new InProgressError(`The schedule "${name}" is being changed by another request. Try again.`);
    // Also where nothing changes: perhaps it had been put, and the tick was not.
    const at = nextTime(schedule);
    if (at !== undefined && (changes || isSoon(at))) await tick({ name, revision: schedule.revision, at });
    const outcome = !before ? 'created' : changes ? 'changed' : 'unchanged';
    return { schedule, outcome };
  }

  const isSoon = (at: number) => at - clock() <= SOON_MS;

  return {
    known,
    get: memory.get,
    all: memory.all,
    put: (name, definition) => inTurn(name, () => put(name, definition)),
    remove: (name) =>
      inTurn(name, async () => {
        await known();
        const before = memory.get(name);
        if (!before) throw new UnknownScheduleError(name);
        const { createdAt } = before;
        const putAt = clock();
        const revision = memory.nextRevision(name, putAt);
        await stream.write({ kind: 'schedule', name, revision, createdAt, putAt, definition: null }, name);
        await known();
      }),
    tick,
    progress: (name, progress) => stream.write({ kind: 'ticked', name, ...progress }, name),
    async tickAll(signal) {
      for (const schedule of memory.all()) {
        signal.throwIfAborted();
        const at = nextTime(schedule);
        if (at !== undefined && isSoon(at)) await tick({ ...schedule, at });
      }
    },
    async renew(writtenBefore, signal) {
      for (const entry of memory.writtenBefore(writtenBefore)) {
        signal.throwIfAborted();
        await stream.write(entry, entry.name);
      }
    },
  };
}

/** Owed when it is first put and not paused; what takes its place while it is owed still owes it. */
export function startupOf(
  { run_at_startup, paused }: Definition,
  before: Schedule | BrokenSchedule | undefined,
  putAt: number,
): number | undefined {
  if (!run_at_startup || paused) return undefined;
  return before ? before.startupAt : putAt;
}
