/** Turning the clocks of processes, and what their handlings come to by true time, which is this machine's. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../broker/eventually';
import type { Service } from '../broker/service';
import { type Journal, trulyDueAt } from './journal';

const MINUTE_MS = 60_000;

/** Clocks are ahead or behind by whole minutes: what is left is the time that something took. */
export const wholeMinutes = (ms: number): number => Math.round(ms / MINUTE_MS) * MINUTE_MS || 0;

/**
 * How far a clock was ahead that stamped something, by when that came, in milliseconds. What was on its way for less than a minute, as a
 * message that a memory alarm kept back, says nothing against the clock.
 */
export const aheadWhenStamped = (stampedAt: number, cameAt: number): number =>
  Math.ceil((stampedAt - cameAt) / MINUTE_MS) * MINUTE_MS || 0;

/** Environment with which the clock of a process can be turned. */
export const clockEnv = (): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `--require ${join(__dirname, 'turned-clock.js')}`,
  CLOCK_FOLDER: mkdtempSync('/tmp/delay-broker-clocks-'),
});

/** Turns the clocks of processes that have this environment, and notes in the journal when that was. */
export async function turnClocks(
  { turns }: Journal,
  services: readonly Service[],
  env: NodeJS.ProcessEnv,
  aheadMs: number,
): Promise<void> {
  const from = Date.now();
  await Promise.all(
    services.map(async ({ process, log }) => {
      const turned = () => log.filter(({ message }) => message === 'clock turned').length;
      const before = turned();
      writeFileSync(join(env.CLOCK_FOLDER ?? '', String(process.pid)), JSON.stringify({ aheadMs }));
      process.kill('SIGUSR2');
      await eventually(() => expect(turned()).toBeGreaterThan(before));
    }),
  );
  turns.push({ from, to: Date.now(), aheadMs });
}

/** The clocks by which anything was handled: how far ahead of true time they were, in milliseconds. */
export const clocksSeen = ({ attempts }: Journal): Set<number> =>
  new Set(attempts.map(({ at, handlersClock = at }) => wholeMinutes(handlersClock - at)));

/** By true time: how many attempts came before they were due, by how much at most, and the latest. */
export function byTrueTime({ accepted, attempts }: Journal): {
  early: number;
  mostEarlyMs: number;
  latestMs: number;
} {
  const dueAt = new Map(accepted.map((message) => [message.n, trulyDueAt(message)]));
  const lateMs = attempts.flatMap(({ n, at }) => {
    const due = dueAt.get(n);
    return due === undefined ? [] : [at - due];
  });
  return {
    early: lateMs.filter((ms) => ms < 0).length,
    mostEarlyMs: lateMs.reduce((most, ms) => Math.max(most, -ms), 0),
    latestMs: lateMs.reduce((latest, ms) => Math.max(latest, ms), 0),
  };
}
