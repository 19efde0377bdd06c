/** What a benchmark starts has to end, whatever happens: in reverse order, also after Ctrl-C. */
import { constants } from 'node:os';

const PARENT_CHECK_MS = 500;

/** Ends something that was started. */
export type Ending = () => unknown;

/** Collects how everything that was started ends. */
export interface Endings {
  /** Notes how something ends; returns a function that ends it now, and forgets it. */
  add(end: Ending): () => Promise<void>;
  /** Ends everything that is left, the last started first; what fails is reported and keeps nothing from ending. */
  all(): Promise<void>;
}

/**
 * Nothing to end yet.
 *
 * @param report takes a line on what did not end in order
 */
export function createEndings(report: (line: string) => void): Endings {
  const left: Ending[] = [];
  let ending: Promise<void> | undefined;
  const run = async (end: Ending) => {
    const at = left.indexOf(end);
    if (at < 0) return;
    left.splice(at, 1);
    try {
      await end();
    } catch (error) {
      report(`not ended in order: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const endAll = async () => {
    for (let end = left.at(-1); end; end = left.at(-1)) await run(end);
  };
  return {
    add(end) {
      const own = () => end();
      left.push(own);
      return () => run(own);
    },
    all() {
      // Whoever asks meanwhile waits for the same.
      ending ??= endAll().finally(() => {
        ending = undefined;
      });
      return ending;
    },
  };
}

/**
 * Ends everything and then this process when it is told to stop; a second signal after a second ends it at once.
 *
 * @returns tells whether that has begun
 */
export function endOnSignal(endings: Endings): () => boolean {
  let firstAt: number | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    const code = 128 + constants.signals[name];
    // For one Ctrl-C, the terminal and npm both send a signal.
    if (firstAt !== undefined && Date.now() - firstAt >= 1_000) process.exit(code);
    if (firstAt !== undefined) return;
    firstAt = Date.now();
    void endings.all().finally(() => process.exit(code));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  // npm passes a signal on to its shell only, and the shell ends without passing it on to us.
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent && firstAt === undefined) onSignal('SIGTERM');
    }, PARENT_CHECK_MS).unref();
  }
  return () => firstAt !== undefined;
}
