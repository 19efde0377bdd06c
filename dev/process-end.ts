import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const CHECK_INTERVAL_MS = 50;

/**
 * When a process started, in whatever unit the system tells it: with the process id it identifies a process
 * even after the id was given to another one. `undefined` when no such process runs.
 */
export function processStartTime(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      return (
        execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
      );
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces; start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Whether the process that had this start time still runs. */
export function isRunning(pid: number, startTime: string): boolean {
  return processStartTime(pid) === startTime;
}

/**
 * Ends a process: SIGTERM, and SIGKILL when it still runs after `graceMs` (0: SIGKILL at once).
 * Resolves when it is gone; throws when it may not be signalled.
 */
export async function endProcess(pid: number, startTime: string, graceMs: number): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch (error) {
      if (isRunning(pid, startTime)) throw error;
    }
  };
  const killAt = Date.now() + graceMs;
  let killed = false;
  if (graceMs > 0 && isRunning(pid, startTime)) signal('SIGTERM');
  while (isRunning(pid, startTime)) {
    if (!killed && Date.now() >= killAt) {
      signal('SIGKILL');
      killed = true;
    }
    await sleep(CHECK_INTERVAL_MS);
  }
}
