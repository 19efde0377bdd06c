import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';

/** Runs one program after another and passes this process's signals on to the one that runs. */
export interface ChildRunner {
  /**
   * Runs a Node program with inherited input and output. Resolves with its exit code, or 128 + n when signal
   * n ended it; after a signal to this process it starts nothing any more and resolves with 128 + n at once.
   * The program gets a SIGTERM when this process is killed.
   */
  run(args: string[], env: NodeJS.ProcessEnv): Promise<number>;
  /** Whether this process is on its way to its end. */
  stopping(): boolean;
  /** Says that it is, for another reason than a signal. */
  beginStop(): void;
}

// For one Ctrl-C, the terminal and npm both send a signal.
const SAME_SIGNAL_MS = 1000;
const PARENT_CHECK_MS = 500;
const END_WITH_LAUNCHER = join(__dirname, 'end-with-launcher.js');

/**
 * Takes over SIGINT, SIGTERM and SIGHUP: the first is passed on to the program, a second one a second or
 * more later kills it. From then on such a signal no longer ends this process by itself.
 *
 * @param cwd folder to run the programs in
 */
export function createChildRunner(cwd: string): ChildRunner {
  let child: ChildProcess | undefined;
  let first: { name: NodeJS.Signals; atMs: number } | undefined;
  let ending = false;

  const onSignal = (name: NodeJS.Signals) => {
    if (!first) {
      first = { name, atMs: Date.now() };
      child?.kill(name === 'SIGHUP' ? 'SIGTERM' : name);
    } else if (Date.now() - first.atMs >= SAME_SIGNAL_MS) {
      child?.kill('SIGKILL');
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);

  // npm passes a signal on to its shell only, and the shell ends without passing it on to us.
  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid !== parent && !first) onSignal('SIGTERM');
    }, PARENT_CHECK_MS);
    timer.unref();
  }

  return {
    run: (args, env) =>
      new Promise((resolve, reject) => {
        if (first) return resolve(128 + constants.signals[first.name]);
        const started = spawn(process.execPath, ['--require', END_WITH_LAUNCHER, ...args], {
          cwd,
          env,
          // The channel closes with this process, however that ends.
          stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
          // A process group of its own: otherwise a terminal's Ctrl-C reaches it directly as well.
          detached: true,
        });
        child = started;
        started.once('error', reject);
        started.once('exit', (code, signal) => {
          child = undefined;
          resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
        });
      }),
    stopping: () => ending || first !== undefined,
    beginStop: () => {
      ending = true;
    },
  };
}
