import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { stopEpmd } from './epmd';
import type { NodeFiles, NodePorts } from './node-files';
import { removeRecord, writeRecord } from './node-record';
import { readPid } from './node-state';
import { endProcess, processStartTime } from './process-end';

/** A node that was launched and is or is not running yet. */
export interface LaunchedNode {
  /** Process id of the Erlang VM; before it has told its own, of what was launched. */
  pid(): number;
  /** Looks whether the Erlang VM runs, and from then on takes care of that process. */
  findVm(): boolean;
  /** Why it is not running, such as `ended with code 1`; `undefined` while it is. */
  failure(): string | undefined;
  /** Resolves when it has ended, whatever the reason. */
  exited: Promise<void>;
  /** Ends it, by force after `graceMs`, and its epmd, unless other nodes use that. */
  end(graceMs: number): Promise<void>;
}

/** Runs `rabbitmq-server` with these files, and keeps a record of it in the data folder while it runs. */
export function launchNode(
  executable: string,
  dataDir: string,
  ports: NodePorts,
  files: NodeFiles,
): LaunchedNode {
  rmSync(files.pid, { force: true });
  const child = spawnNode(executable, dataDir, files);
  let failure: string | undefined;
  const exited = new Promise<void>((done) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      failure = `cannot be run: ${executable} (${error.code}); RABBITMQ_SERVER names the executable`;
      done();
    });
    child.once('exit', (code, signal) => {
      failure ??= `ended with ${signal ?? `code ${code}`}`;
      done();
    });
  });

  let pid = 0;
  let startTime = '';
  const watch = (processId: number) => {
    const started = processStartTime(processId);
    if (started === undefined) return;
    pid = processId;
    startTime = started;
    writeRecord(dataDir, pid, startTime, ports.epmd);
  };
  if (child.pid) watch(child.pid);
  return {
    pid: () => pid,
    findVm() {
      // A wrapper script may stand between us and the VM; signals must reach the VM.
      const vmPid = readPid(files.pid);
      if (vmPid && vmPid !== pid) watch(vmPid);
      return vmPid !== 0;
    },
    failure: () => failure,
    exited,
    async end(graceMs) {
      if (pid) await endProcess(pid, startTime, graceMs);
      await stopEpmd(ports.epmd);
      removeRecord(dataDir);
    },
  };
}

function spawnNode(executable: string, dataDir: string, files: NodeFiles) {
  const output = openSync(files.output, 'w');
  // A process group of its own keeps a terminal's Ctrl-C away from the node, and a file for its output
  // keeps it from failing on a closed pipe when this process dies.
  // What a crashing node leaves (MnesiaCore, erl_crash.dump) goes into its working directory.
  const child = spawn(executable.includes('/') ? resolve(executable) : executable, [], {
    cwd: dataDir,
    env: files.env,
    detached: true,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  return child;
}
