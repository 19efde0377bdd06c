/** Keeping schedules going, and from being cut off: chains of ticks that were lost are started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import { RENEW_AFTER_MS } from '../verdicts/keeper';
import { type Schedules, TICK_ALL_EVERY_MS } from './schedules';

/** Options of keepSchedules. */
export interface ScheduleKeeperOptions {
  readonly schedules: Pick<Schedules, 'known' | 'tickAll' | 'renew'>;
  readonly clock: Clock;
  /** Age at which a schedule is written again, in milliseconds; default a quarter of the stream's own. */
  readonly renewAfterMs?: number;
  /** How often chains that were lost are looked for, in milliseconds; default an hour. */
  readonly tickAllEveryMs?: number;
  readonly logger: Logger;
}

/** Between two looks, in milliseconds: should the stream be deleted, what was in it is soon written again. */
const PAUSE_MS = 5_000;

/** Keeps schedules until the signal is aborted, from now on. One process at a time does it, see single-active.ts. */
export async function keepSchedules(options: ScheduleKeeperOptions, signal: AbortSignal): Promise<void> {
  const { schedules, clock, logger } = options;
  const { renewAfterMs = RENEW_AFTER_MS, tickAllEveryMs = TICK_ALL_EVERY_MS } = options;
  let tickAllAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    try {
      await schedules.known();
      await schedules.renew(clock() - renewAfterMs, signal);
      if (clock() >= tickAllAt) {
        await schedules.tickAll(signal);
        tickAllAt = clock() + tickAllEveryMs;
      }
    } catch (error) {
      if (!signal.aborted) logger.warn('schedules not looked through yet', { error: messageOf(error) });
    }
    await sleep(Math.min(PAUSE_MS, tickAllEveryMs), undefined, { signal, ref: false }).catch(() => {});
  }
}
