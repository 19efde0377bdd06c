/** The child's side of a program: answers what the benchmark asks of it, and ends with it. */

/** What can be asked of a program, by name; the answer goes through structured cloning. */
export type Methods = Readonly<Record<string, (settings: never) => unknown>>;

/** A question. */
export interface Question {
  readonly id: number;
  readonly method: string;
  readonly settings: unknown;
}

/** The answer to it, or why there is none. */
export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Answers questions from now on. */
export function serve(methods: Methods): void {
  process.on('message', async ({ id, method, settings }: Question) => {
    try {
      const result = await methods[method]?.(settings as never);
      process.send?.({ id, result } satisfies Answer);
    } catch (error) {
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send?.({ id, error: told } satisfies Answer);
    }
  });
  // The channel closes with the benchmark, however that ends.
  process.on('disconnect', () => process.exit(1));
  // A terminal's Ctrl-C reaches the whole group; the benchmark ends its programs itself, in order.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
}
