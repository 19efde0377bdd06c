/** The service as its users run it: a process of its own, watched by way of its log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually';

const DIST = join(__dirname, '../../dist');
/** Where several processes start at once on a busy machine, each takes its time. */
const LOGGED_WITHIN_MS = 45_000;

/** A line of the log. */
export interface LogLine {
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A running or ended process. */
export interface Service {
  readonly process: ChildProcess;
  readonly log: readonly LogLine[];
  /** What it has written to standard error. */
  stderr(): string;
  /** Waits for a line of the log, the first one that fits. */
  logged(message: string, fields?: Readonly<Record<string, unknown>>): Promise<LogLine>;
  /** The address of its API, once it listens. */
  url(): Promise<string>;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits for the end; the exit code, null after a signal. */
  exited: Promise<number | null>;
}

/**
 * Starts a compiled program of dist/, such as `main.js api`, or one of an absolute path, on any free HTTP port.
 *
 * @param env beside PATH and HOME nothing else reaches the process
 * @param fileHandles how many files and connections it may have open; default what the system says
 */
export function startService(args: readonly string[], env: NodeJS.ProcessEnv, fileHandles?: number): Service {
  const [program = 'main.js', ...rest] = args;
  const command = [process.execPath, resolve(DIST, program), ...rest];
  const limited = ['sh', '-c', `ulimit -n ${fileHandles} && exec "$@"`, 'sh', ...command];
  const [executable = '', ...parameters] = fileHandles === undefined ? command : limited;
  const child = spawn(executable, parameters, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, HTTP_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: LogLine[] = [];
  let stderr = '';
  createInterface(child.stdout).on('line', (line) =>
    log.push(line.startsWith('{') ? JSON.parse(line) : { message: line }),
  );
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const logged: Service['logged'] = (message, fields = {}) =>
    eventually(() => {
      const found = log.find((line) => line.message === message && matches(line, fields));
      if (!found)
        throw new Error(`no "${message}" in the log of ${args.join(' ')}:\n${stderr}${JSON.stringify(log)}`);
      return found;
    }, LOGGED_WITHIN_MS);
  return {
    process: child,
    log,
    stderr: () => stderr,
    logged,
    url: async () => String((await logged('listening')).url),
    end: (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
    exited,
  };
}

function matches(line: LogLine, fields: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(fields).every(([name, value]) => line[name] === value);
}

/** Posts JSON. */
export const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
