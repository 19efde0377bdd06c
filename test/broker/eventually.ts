import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats an assertion until it holds; fails with its last error after `timeoutMs` (default 15 s). */
export async function eventually<T>(assertion: () => T | Promise<T>, timeoutMs = 15_000): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (Date.now() >= giveUpAt) throw error;
      await sleep(20);
    }
  }
}
