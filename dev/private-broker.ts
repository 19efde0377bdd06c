import { existsSync, mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkDataVersion, writeDataVersion } from './data-version';
import { stopEpmd } from './epmd';
import { type LaunchedNode, launchNode } from './launched-node';
import { nodePorts, writeNodeFiles } from './node-files';
import { clearStaleNode } from './node-record';
import { readyVersion, requireFreePorts } from './node-state';
import { describeFailure } from './start-failure';

const READY_DEADLINE_MS = 90_000;
const READY_CHECK_MS = 250;
const STOP_GRACE_MS = 30_000;
const FAILED_START_GRACE_MS = 5_000;
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
  /** Port of an epmd that it shares with other nodes, which ends with the last of them; default one of its own. */
  sharedEpmdPort?: number | undefined;
  /** How long it may take to be ready, in milliseconds; default 90,000. */
  readyDeadlineMs?: number | undefined;
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
 * Throws when a node with a living launcher is on `dataDir`, when a newer RabbitMQ wrote it, when a port is
 * taken, and when the node ends or is not ready in time; nothing is left running then.
 */
export async function startPrivateBroker(options: PrivateBrokerOptions): Promise<PrivateBroker> {
  const dataDir = resolve(options.dataDir);
  const executable = options.executable || defaultExecutable();
  const { readyDeadlineMs = READY_DEADLINE_MS } = options;
  const { epmd, ...others } = nodePorts(options.port);
  const ports = { ...others, epmd: options.sharedEpmdPort ?? epmd };
  const isOwnEpmd = options.sharedEpmdPort === undefined;
  mkdirSync(dataDir, { recursive: true });
  await clearStaleNode(dataDir, STOP_GRACE_MS, options.log ?? (() => undefined));
  // An epmd outlives a node killed from outside; one without nodes is of no use to anybody.
  if (isOwnEpmd) await stopEpmd(epmd);
  await requireFreePorts(isOwnEpmd ? ports : others);
  const files = writeNodeFiles(dataDir, ports, options.configFile, options.additionalConfig ?? '');
  // It asks rabbitmqctl, which leaves an epmd behind.
  const versionHint = await checkDataVersion(dataDir, executable, files.env).finally(() =>
    isOwnEpmd ? stopEpmd(epmd) : undefined,
  );

  const logStart = existsSync(files.log) ? statSync(files.log).size : 0;
  const node = launchNode(executable, dataDir, ports, files);
  const amqpUrl = `amqp://guest:guest@127.0.0.1:${ports.amqp}`;
  const managementUrl = `http://127.0.0.1:${ports.management}`;
  const version = await untilReady(node, amqpUrl, managementUrl, readyDeadlineMs).catch(
    async (error: Error) => {
      await node.end(FAILED_START_GRACE_MS);
      const message = describeFailure(error.message, ports.amqp, files, logStart);
      throw new Error(versionHint === undefined ? message : `${versionHint}\n${message}`);
    },
  );
  writeDataVersion(dataDir, version);

  let ended: Promise<void> | undefined;
  const endOnce = (graceMs: number) => {
    ended ??= node.end(graceMs);
    return ended;
  };
  return {
    amqpUrl,
    managementUrl,
    version,
    port: ports.amqp,
    pid: node.pid(),
    logFile: files.log,
    exited: node.exited,
    stop: () => endOnce(STOP_GRACE_MS),
    kill: () => endOnce(0),
  };
}

/** Resolves with the node's version once it answers; throws with what to say of it when it will not. */
async function untilReady(
  node: LaunchedNode,
  amqpUrl: string,
  managementUrl: string,
  deadlineMs: number,
): Promise<string> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    await Promise.race([sleep(READY_CHECK_MS), node.exited]);
    const failure = node.failure();
    if (failure !== undefined) throw new Error(failure);
    const version = node.findVm() ? await readyVersion(amqpUrl, managementUrl) : undefined;
    if (version !== undefined) return version;
    if (Date.now() > deadline) throw new Error(`was not ready within ${deadlineMs / 1000} s`);
  }
}

/** The `rabbitmq-server` to run where nothing else is said: a path, or a name to look for in PATH. */
export function defaultExecutable(): string {
  // The one in /usr/sbin insists on being root or the rabbitmq user.
  return existsSync(DEBIAN_EXECUTABLE) ? DEBIAN_EXECUTABLE : 'rabbitmq-server';
}
