/** Redis for the peer: a private one, reachable from this machine only, which keeps its data as durably as it is told. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endings } from '../endings';
import { freePort } from './ports';

/** When Redis has what it took on disk: within about a second, or before it answers. Only the latter is what a confirm of RabbitMQ's is. */
export type Fsync = 'everysec' | 'always';

/** A running Redis. */
export interface Redis {
  readonly version: string;
  readonly port: number;
  readonly fsync: Fsync;
  readonly pid: number;
}

/** How to come by it. */
export const NO_REDIS =
  'There is no redis-server here: install it (apt-get install redis-server), or set REDIS_SERVER to its path.';

const READY_DEADLINE_MS = 10_000;
const executable = () => process.env.REDIS_SERVER || 'redis-server';

/** Redis' version; undefined when there is none on this machine. */
export function redisVersion(): string | undefined {
  try {
    return / v=(\S+)/.exec(execFileSync(executable(), ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  } catch {
    return undefined;
  }
}

/**
 * Starts a Redis with its data in this folder.
 *
 * @throws Error when there is none to start, or it is not ready within ten seconds
 */
export async function startRedis(folder: string, fsync: Fsync, endings: Endings): Promise<Redis> {
  const version = redisVersion();
  if (version === undefined) throw new Error(NO_REDIS);
  const dir = join(folder, `redis-${fsync}`);
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const server = spawn(executable(), argumentsFor(port, dir, fsync), { stdio: 'ignore', detached: true });
  endings.add(() => endNow(server));
  await untilReady(server, port);
  return { version, port, fsync, pid: server.pid ?? 0 };
}

/** BullMQ asks for `noeviction`. Without snapshots: the append-only file alone is what it keeps, as RabbitMQ keeps its log. */
function argumentsFor(port: number, dir: string, fsync: Fsync): string[] {
  const settings = {
    port,
    bind: '127.0.0.1',
    'protected-mode': 'yes',
    daemonize: 'no',
    dir,
    appendonly: 'yes',
    appendfsync: fsync,
    save: '',
    'maxmemory-policy': 'noeviction',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

async function untilReady(server: ChildProcess, port: number): Promise<void> {
  let failure: string | undefined;
  server.once('error', (error) => {
    failure = error.message;
  });
  server.once('exit', (code) => {
    failure ??= `it ended with code ${code}`;
  });
  for (const giveUpAt = Date.now() + READY_DEADLINE_MS; Date.now() < giveUpAt; await sleep(50)) {
    if (failure !== undefined) throw new Error(`Redis does not start: ${failure}`);
    if (await answers(port)) return;
  }
  throw new Error(`Redis was not ready within ${READY_DEADLINE_MS / 1000} s.`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.on('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
  });
}

async function endNow(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  await gone;
}
