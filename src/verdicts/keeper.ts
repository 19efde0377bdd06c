/** Keeping the verdicts that are still needed from running out: written again before the stream cuts them off. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import { CONTROL_LIMITS } from '../topology';
import type { Verdicts } from './verdicts';

/** Options of keepVerdicts. */
export interface KeeperOptions {
  readonly verdicts: Pick<Verdicts, 'renew' | 'caughtUp'>;
  readonly clock: Clock;
  /** Age at which a verdict is written again, in milliseconds; default a quarter of the stream's own. */
  readonly renewAfterMs?: number;
  readonly logger: Logger;
}

/** Age at which what is still needed of the control stream is written again, in milliseconds. */
export const RENEW_AFTER_MS = (CONTROL_LIMITS.maxAgeS * 1_000) / 4;
/** Looks for each renewal: often enough that they come in small portions. */
const LOOKS = 50;
/** Should the stream be deleted, whoever starts after that waits no longer for the verdicts that were in it. */
const LONGEST_PAUSE_MS = 5_000;

/** Writes verdicts again until the signal is aborted. One process at a time does it, see single-active.ts. */
export async function keepVerdicts(options: KeeperOptions, signal: AbortSignal): Promise<void> {
  const { verdicts, clock, renewAfterMs = RENEW_AFTER_MS, logger } = options;
  const pauseMs = Math.min(renewAfterMs / LOOKS, LONGEST_PAUSE_MS);
  while (!signal.aborted) {
    try {
      if (verdicts.caughtUp()) await verdicts.renew(clock() - renewAfterMs, signal);
    } catch (error) {
      logger.warn('verdicts not written again yet', { error: messageOf(error) });
    }
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
}
