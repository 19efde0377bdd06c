/** The clock of a consumer is wrong; the clocks of all processes are put forward and back. */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ALLOWANCE_MS, WHEEL } from '../../src/wheel';
import { byTrueTime, clockEnv, clocksSeen, turnClocks } from './clocks';
import { FORM, scene } from './scene';
import type { Stage } from './stage';

const PAUSE_MS = 5_000;
const WRONG_MS = 15_000;
/** The longest delay and some more: what was accepted before comes due meanwhile. */
const STEPPED_MS = 25_000;
const MINUTE_MS = 60_000;

/** The wheel lets go of a message so much early, in milliseconds; beyond, no clock of ours matters. A millisecond is lost in rounding. */
const WHEEL_EARLY_MS = ALLOWANCE_MS + (WHEEL.at(-1)?.unitMs ?? 0) + 1;

const env = clockEnv();
afterAll(() => rmSync(env.CLOCK_FOLDER ?? '', { recursive: true }));

/** Judges by the handlers' clocks, and says what it was by true time; resolves with how late the latest was by that. */
async function judgeByBothClocks(stage: Stage): Promise<number> {
  await sleep(PAUSE_MS);
  await stage.judge();
  const { early, mostEarlyMs, latestMs } = byTrueTime(stage.journal);
  stage.notes.push(
    `by true time: ${early} attempts early, at most ${mostEarlyMs} ms; the latest ${(latestMs / 1_000).toFixed(1)} s late`,
  );
  if (mostEarlyMs > WHEEL_EARLY_MS) stage.findings.push(`${mostEarlyMs} ms early by true time`);
  return latestMs;
}

/** What a wrong clock has sent round comes so much later; with others that are right it may be sent round once more. */
const patienceMs = (minutes: number) => minutes * MINUTE_MS + 90_000;

/** One of the consumers has a wrong clock for a while. */
async function wrongForAWhile(stage: Stage, aheadMs: number): Promise<void> {
  const { journal, consumers } = stage;
  const wrong = consumers.slice(0, 1);
  await sleep(PAUSE_MS);
  await stage.fault('wrong for a while', async () => {
    await turnClocks(journal, wrong, env, aheadMs);
    await sleep(WRONG_MS);
    await turnClocks(journal, wrong, env, 0);
  });
}

const skewMs = FORM.skewMinutes * MINUTE_MS;

scene(
  `a consumer's clock ${FORM.skewMinutes} min ahead`,
  async (stage) => {
    await wrongForAWhile(stage, skewMs);
    await judgeByBothClocks(stage);
    expect(clocksSeen(stage.journal)).toContain(skewMs);
  },
  { env, patienceMs: patienceMs(FORM.skewMinutes) },
);

scene(
  `a consumer's clock ${FORM.skewMinutes} min behind`,
  async (stage) => {
    await wrongForAWhile(stage, -skewMs);
    // What it had taken was sent round for that long.
    expect(await judgeByBothClocks(stage)).toBeGreaterThan(skewMs - 1_000);
  },
  { env, patienceMs: patienceMs(FORM.skewMinutes) },
);

scene(
  `all clocks put forward by ${FORM.stepMinutes} min, and back`,
  async (stage) => {
    const { journal, apis, consumers } = stage;
    const all = [...apis, ...consumers];
    await sleep(PAUSE_MS);
    await stage.fault('put forward', () => turnClocks(journal, all, env, FORM.stepMinutes * MINUTE_MS));
    await sleep(STEPPED_MS);
    await stage.fault('put back', () => turnClocks(journal, all, env, 0));
    // What was accepted by the clocks that were ahead is due by them.
    expect(await judgeByBothClocks(stage)).toBeGreaterThan((FORM.stepMinutes - 1) * MINUTE_MS);
    expect(clocksSeen(journal)).toContain(FORM.stepMinutes * MINUTE_MS);
  },
  {
    env,
    patienceMs: patienceMs(FORM.stepMinutes),
    timeoutMs: patienceMs(FORM.stepMinutes) + 10 * MINUTE_MS,
  },
);
