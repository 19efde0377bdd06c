/**
 * Handles the ticks of schedules: publishes the runs, the next tick, and what is done by then, each confirmed, before
 * the tick is acknowledged. A crash in between repeats what is published, under the same ids.
 */
import { z } from 'zod';
import { type Clock, isoTime } from '../clock';
import { acceptedEntry } from '../ledger/entry';
import type { Recorder } from '../ledger/recorder';
import type { Logger } from '../logger';
import type { Scheduler } from '../scheduler';
import type { Schedule } from '../schedules/memory';
import { planTick, type Tick } from '../schedules/plan';
import { runId, runKey } from '../schedules/runs';
import type { Schedules } from '../schedules/schedules';
import { createTurns } from '../turns';
import type { Handler } from './handler';
import { done } from './outcome';

/** Options of createTicksHandler. */
export interface TicksOptions {
  readonly schedules: Pick<Schedules, 'known' | 'get' | 'tick' | 'progress'>;
  /** For the runs. */
  readonly scheduler: Pick<Scheduler, 'schedule'>;
  /** Told of the runs. */
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** A line for each run, at level info. */
  readonly logger: Logger;
}

/** What a tick carries, as it travels: see Tick. */
export const tickPayload = z.object({
  name: z.string().min(1),
  revision: z.string().min(1),
  at: z.int().min(0),
});

/** A handler of ticks. One process at a time has them: its queue has a single active consumer. */
export function createTicksHandler(options: TicksOptions): Handler<Tick> {
  const { schedules, scheduler, recorder, clock, logger } = options;
  const inTurn = createTurns();
  /** The latest run of each schedule that this process has published: a tick that comes again repeats none. */
  const published = new Map<string, { readonly createdAt: number; readonly at: number }>();

  async function run({ name, definition: { to, payload } }: Schedule, at: number): Promise<void> {
    const id = runId(name, at);
    // With its own due time also where it is late, so that copies of it are recognised.
    const message = await scheduler.schedule({ to, payload, dueAt: at, isLate: true, id, delivery: id });
    await recorder.record(acceptedEntry(message, { key: runKey(name) }), message);
    logger.info('schedule runs', { schedule: name, messageId: id, to, dueAt: isoTime(at) });
  }

  async function follow(tick: Tick): Promise<void> {
    const { name } = tick;
    // Also what another process has done of it a moment ago.
    await schedules.known();
    const schedule = schedules.get(name);
    const plan = planTick(schedule, tick, clock());
    if (!schedule || 'fault' in schedule || !plan) {
      logger.debug('tick ends here', { schedule: name, at: isoTime(tick.at) });
      return;
    }
    const { revision, createdAt } = schedule;
    const { runs, doneAt, nextAt } = plan;
    const before = published.get(name);
    for (const at of runs) {
      if (before?.createdAt === createdAt && at <= before.at) continue;
      await run(schedule, at);
      published.set(name, { createdAt, at });
    }
    if (nextAt !== undefined) await schedules.tick({ name, revision, at: nextAt });
    if (doneAt !== undefined) await schedules.progress(name, { revision, at: doneAt, runs });
  }

  return async ({ payload }) => {
    await inTurn(payload.name, () => follow(payload));
    return done;
  };
}
