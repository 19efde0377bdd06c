import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NodeFiles, nodePorts, writeNodeFiles } from './node-files';
import { clearStaleNode, endProcess, processStartTime, stopEpmd, writeRecord } from './node-process';
import { describeFailure, readPid, readyVersion, requireFreePort } from './node-state';

const READY_DEADLINE_MS = 90_000;
const STOP_GRACE_MS = 30_000;
const DEBIAN_EXECUTABLE = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** What `startPrivateBroker` takes. */
export interface PrivateBrokerOptions {
  /** Folder for everything the node reads and writes; created when missing, kept for the next start. */
  dataDir: string;
  /** AMQP port, 1024 to 41535. The others follow from it, see `NodePorts`. */
  port: number;
  /** The `rabbitmq-server` to run; default: Debian's own if present, else the one in PATH. */
  executable?: string | undefined;
  /** A rabbitmq.conf to start from; copied, so changes to it take effect with the next start. */
  configFile: string;
  /** Takes a line about something worth knowing, such as a node left over; default: nowhere. */
  log?: ((line: string) => void) | undefined;
  /** Further rabbitmq.conf lines; default none. */
  additionalConfig?: string | undefined;
}

/** A running private node. */
export interface PrivateBroker {
  /** `amqp://` address with credentials. */
  amqpUrl: string;
  /** `http://` address of the management API and UI, without credentials (guest / guest), no final slash. */
  managementUrl: string;
  /** RabbitMQ's version, such as `3.10.8`. */
  version: string;
  /** AMQP port. */
  port: number;
  /** Process id of the Erlang VM. */
  pid: number;
  /** Path of the node's log. */
  logFile: string;
  /** Resolves when the node has ended, whatever the reason. */
  exited: Promise<void>;
  /** Stops the node and its epmd in order; by force after 30 s. The data stays. Again: does nothing. */
  stop(): Promise<void>;
  /** Kills the node as a crash would, and stops its epmd. The data stays as it is. Again: does nothing. */
  kill(): Promise<void>;
}

/**
 * Starts a RabbitMQ node of our own, reachable from this machine only, and resolves once AMQP and the
 * management API answer. A later start on the same `dataDir` brings everything back, and first stops a node
 * whose launcher died without stopping it.
 *
 * Throws when a node with a living launcher is on `dataDir`, when a port is taken, and when the node ends
 * or is not ready within 90 s; nothing is left running then.
 */
export async function startPrivateBroker(options: PrivateBrokerOptions): Promise<PrivateBroker> {
  const dataDir = resolve(options.dataDir);
  const ports = nodePorts(options.port);
  const recordFile = join(dataDir, 'node.json');
  mkdirSync(dataDir, { recursive: true });
  await clearStaleNode(recordFile, dataDir, STOP_GRACE_MS, options.log ?? (() => undefined));
  // An epmd outlives a node killed from outside; one without nodes is of no use to anybody.
  await stopEpmd(ports.epmd);
  for (const port of Object.values(ports)) await requireFreePort(port, ports.amqp);

  const files = writeNodeFiles(dataDir, ports, options.configFile, options.additionalConfig ?? '');
  rmSync(files.pid, { force: true });
  const logStart = existsSync(files.log) ? statSync(files.log).size : 0;
  const child = spawnNode(options.executable || defaultExecutable(), files);
  let failure: string | undefined;
  const exited = new Promise<void>((done) => {
    child.once('error', (error) => {
      failure = `cannot be run: ${error.message}`;
      done();
    });
    child.once('exit', (code, signal) => {
      failure ??= `ended with ${signal ?? `code ${code}`}`;
      done();
    });
  });

  let pid = child.pid ?? 0;
  let startTime = pid ? (processStartTime(pid) ?? '') : '';
  if (pid) writeRecord(recordFile, pid, startTime, ports.epmd);
  const end = async (graceMs: number) => {
    if (pid) await endProcess(pid, startTime, graceMs);
    await stopEpmd(ports.epmd);
    rmSync(recordFile, { force: true });
  };

  const amqpUrl = `amqp://guest:guest@127.0.0.1:${ports.amqp}`;
  const managementUrl = `http://127.0.0.1:${ports.management}`;
  const deadline = Date.now() + READY_DEADLINE_MS;
  let version: string | undefined;
  while (version === undefined) {
    if (Date.now() > deadline) failure ??= `was not ready within ${READY_DEADLINE_MS / 1000} s`;
    if (failure !== undefined) {
      await end(5000);
      throw new Error(describeFailure(failure, ports.amqp, files, logStart));
    }
    await Promise.race([sleep(250), exited]);
    const vmPid = readPid(files.pid);
    // A wrapper script may stand between us and the VM; signals must reach the VM.
    if (vmPid && vmPid !== pid) {
      const vmStartTime = processStartTime(vmPid);
      if (vmStartTime !== undefined) {
        pid = vmPid;
        startTime = vmStartTime;
        writeRecord(recordFile, pid, startTime, ports.epmd);
      }
    }
    if (vmPid) version = await readyVersion(amqpUrl, managementUrl);
  }

  let ended: Promise<void> | undefined;
  const endOnce = (graceMs: number) => {
    ended ??= end(graceMs);
    return ended;
  };
  return {
    amqpUrl,
    managementUrl,
    version,
    port: ports.amqp,
    pid,
    logFile: files.log,
    exited,
    stop: () => endOnce(STOP_GRACE_MS),
    kill: () => endOnce(0),
  };
}

function defaultExecutable(): string {
  // The one in /usr/sbin insists on being root or the rabbitmq user.
  return existsSync(DEBIAN_EXECUTABLE) ? DEBIAN_EXECUTABLE : 'rabbitmq-server';
}

function spawnNode(executable: string, files: NodeFiles): ChildProcess {
  const output = openSync(files.output, 'w');
  // A process group of its own keeps a terminal's Ctrl-C away from the node, and a file for its output
  // keeps it from failing on a closed pipe when this process dies.
  const child = spawn(executable, [], { env: files.env, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  return child;
}
