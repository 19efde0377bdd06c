import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which node runs on a data folder and who started it; kept in a file there. */
export interface NodeRecord {
  vmPid: number;
  vmStartTime: string;
  launcherPid: number;
  launcherStartTime: string;
  /** Port of the epmd that belongs to the node. */
  epmdPort: number;
}

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

/** The record in `file`, or `undefined` when there is none or it is not readable as one. */
export function readRecord(file: string): NodeRecord | undefined {
  try {
    const record: NodeRecord = JSON.parse(readFileSync(file, 'utf8'));
    return Number.isInteger(record.vmPid) && Number.isInteger(record.launcherPid) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the record of a node that this process started. */
export function writeRecord(file: string, vmPid: number, vmStartTime: string, epmdPort: number): void {
  const launcherStartTime = processStartTime(process.pid) ?? '';
  const record: NodeRecord = { vmPid, vmStartTime, launcherPid: process.pid, launcherStartTime, epmdPort };
  writeFileSync(file, `${JSON.stringify(record)}\n`);
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
    await sleep(50);
  }
}

/**
 * Asks the epmd on a port to end, over its own protocol. It refuses while a node is registered, which lasts
 * until it has noticed the node's end, hence the retries. Nothing listening there is fine.
 */
export async function stopEpmd(port: number): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await epmdKillRequest(port);
    if (answer === undefined || answer === 'OK') return;
    await sleep(100);
  }
}

function epmdKillRequest(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from([0, 1, 0x6b])));
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(answer || undefined));
  });
}

/**
 * Makes sure no node runs on a data folder: stops one whose launcher is gone, then removes the record.
 * Throws when the launcher still runs.
 */
export async function clearStaleNode(
  file: string,
  dataDir: string,
  graceMs: number,
  log: (line: string) => void,
): Promise<void> {
  const record = readRecord(file);
  if (!record) return;
  if (isRunning(record.vmPid, record.vmStartTime)) {
    if (isRunning(record.launcherPid, record.launcherStartTime)) {
      throw new Error(
        `already running (process ${record.launcherPid}, data folder ${dataDir}): ` +
          'stop it first, or choose another BROKER_PORT and BROKER_DATA_DIR',
      );
    }
    log(`broker: stopping a node that an earlier run left behind (process ${record.vmPid})`);
    await endProcess(record.vmPid, record.vmStartTime, graceMs);
  }
  await stopEpmd(record.epmdPort);
  rmSync(file, { force: true });
}
