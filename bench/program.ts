/** Programs that a benchmark runs beside itself, each a process of its own, so that nobody measures in another's event loop. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Endings } from './endings';
import { programFile, ROOT } from './paths';
import type { Answer, Question } from './programs/served';

/** A running program of bench/programs. */
export interface Program {
  /**
   * Asks for something and waits for the answer.
   *
   * @throws Error with what the program said was wrong, and when it ends before it has answered
   */
  ask<Result = void>(method: string, settings?: unknown): Promise<Result>;
  /** The process id. */
  readonly pid: number;
  /** Ends it: asks it to close what it has open, and kills it when that takes more than eight seconds. */
  end(): Promise<void>;
}

/** How long a program may take to end, in milliseconds. */
const GRACE_MS = 8_000;

/** Starts programs that end with the benchmark. */
export function createPrograms(endings: Endings) {
  return {
    /**
     * Starts a program of bench/programs.
     *
     * @param execArgv options for Node; default none
     */
    start(name: string, execArgv: readonly string[] = []): Program {
      const child = fork(programFile(name), {
        cwd: ROOT,
        serialization: 'advanced',
        execArgv: [...execArgv],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      const ask = questions(name, child);
      const exited = codeOf(child);
      const end = endings.add(() =>
        endWithin(child, exited, () => ask('close').then(() => child.disconnect())),
      );
      return { ask: ask as Program['ask'], pid: child.pid ?? 0, end };
    },

    /** Starts a program of the product, such as `dist/main.js`, and reads the lines that it writes. */
    startProduct(args: readonly string[], env: NodeJS.ProcessEnv): ProductProcess {
      const { PATH, HOME } = process.env;
      const child = spawn(process.execPath, [...args], {
        cwd: ROOT,
        env: { PATH, HOME, ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
        // Out of the reach of a terminal's Ctrl-C, so that it ends when it is told to.
        detached: true,
      });
      const exited = codeOf(child);
      const end = endings.add(() => endWithin(child, exited, () => child.kill('SIGTERM')));
      return { pid: child.pid ?? 0, line: linesOf(args.join(' '), child), exited, end };
    },
  };
}

/** See createPrograms. */
export type Programs = ReturnType<typeof createPrograms>;

/** A running process of the product. */
export interface ProductProcess {
  readonly pid: number;
  /** Waits for a line that matches; throws when the process ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Its exit code, once it has ended. */
  readonly exited: Promise<number | null>;
  end(): Promise<void>;
}

function questions(name: string, child: ChildProcess) {
  const open = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  let ended: Error | undefined;
  child.on('message', ({ id, result, error }: Answer) => {
    const question = open.get(id);
    open.delete(id);
    if (error === undefined) question?.resolve(result);
    else question?.reject(new Error(`${name}: ${error}`));
  });
  child.once('exit', (code, signal) => {
    ended = new Error(`the program "${name}" has ended with ${signal ?? `code ${code}`}`);
    for (const { reject } of open.values()) reject(ended);
  });
  return (method: string, settings?: unknown) =>
    new Promise<unknown>((resolve, reject) => {
      if (ended) return reject(ended);
      const id = ++asked;
      open.set(id, { resolve, reject });
      child.send({ id, method, settings } satisfies Question);
    });
}

async function endWithin(child: ChildProcess, exited: Promise<unknown>, tell: () => unknown): Promise<void> {
  const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  // One that has ended already cannot be told anything, which is fine.
  await Promise.allSettled([Promise.resolve().then(tell), exited]);
  clearTimeout(late);
}

function codeOf(child: ChildProcess): Promise<number | null> {
  return once(child, 'exit').then(([code]) => code as number | null);
}

function linesOf(name: string, child: ChildProcess): ProductProcess['line'] {
  let written = '';
  let ended = false;
  const waiting = new Set<() => void>();
  const look = () => {
    for (const wake of waiting) wake();
  };
  child.stdout?.on('data', (chunk) => {
    // Only the beginning is asked for; all that follows has to be read, or the process would stand still.
    if (written.length < 100_000) written += chunk;
    look();
  });
  child.once('close', () => {
    ended = true;
    look();
  });
  return (pattern) =>
    new Promise((resolve, reject) => {
      const wake = () => {
        const found = pattern.exec(written);
        if (!found && !ended) return;
        waiting.delete(wake);
        if (found) resolve(found);
        else reject(new Error(`${name} has ended without ${pattern}:\n${written}`));
      };
      waiting.add(wake);
      wake();
    });
}
