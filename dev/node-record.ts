import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopEpmd } from './epmd';
import { endProcess, isRunning, processStartTime } from './process-end';

/** Which node runs on a data folder and who started it; kept in a file there. */
export interface NodeRecord {
  vmPid: number;
  vmStartTime: string;
  launcherPid: number;
  launcherStartTime: string;
  /** Port of the epmd that belongs to the node. */
  epmdPort: number;
}

const recordFile = (dataDir: string) => join(dataDir, 'node.json');

/** The record in a data folder, or `undefined` when there is none or it is not readable as one. */
export function readRecord(dataDir: string): NodeRecord | undefined {
  try {
    const record: NodeRecord = JSON.parse(readFileSync(recordFile(dataDir), 'utf8'));
    return Number.isInteger(record.vmPid) && Number.isInteger(record.launcherPid) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the record of a node that this process started. */
export function writeRecord(dataDir: string, vmPid: number, vmStartTime: string, epmdPort: number): void {
  const launcherStartTime = processStartTime(process.pid) ?? '';
  const record: NodeRecord = { vmPid, vmStartTime, launcherPid: process.pid, launcherStartTime, epmdPort };
  writeFileSync(recordFile(dataDir), `${JSON.stringify(record)}\n`);
}

/** Removes the record; fine when there is none. */
export function removeRecord(dataDir: string): void {
  rmSync(recordFile(dataDir), { force: true });
}

/**
 * Makes sure no node runs on a data folder: stops one whose launcher is gone, then removes the record.
 * Throws when the launcher still runs.
 *
 * @param graceMs how long the node may take to stop before it is killed
 * @param log takes a line on what was found and one on what became of it
 */
export async function clearStaleNode(
  dataDir: string,
  graceMs: number,
  log: (line: string) => void,
): Promise<void> {
  const record = readRecord(dataDir);
  if (!record) return;
  const { vmPid, vmStartTime, launcherPid, launcherStartTime, epmdPort } = record;
  if (isRunning(vmPid, vmStartTime)) {
    if (isRunning(launcherPid, launcherStartTime)) {
      throw new Error(
        `already running (process ${launcherPid}, data folder ${dataDir}): ` +
          'stop it first, or choose another BROKER_PORT and BROKER_DATA_DIR',
      );
    }
    log(`broker: stopping process ${vmPid}, left behind by process ${launcherPid}, which was killed`);
    await endProcess(vmPid, vmStartTime, graceMs);
    log('broker: stopped, its data is kept');
  }
  await stopEpmd(epmdPort);
  removeRecord(dataDir);
}
