/** One after the other, for each name of its own. */

/** Runs the work when all that was given earlier for the same name has ended; resolves or rejects as the work does. */
export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Nobody waits yet. */
export function createTurns(): InTurn {
  const latest = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const turn = (latest.get(name) ?? Promise.resolve()).then(work);
    const over = turn.then(
      () => {},
      () => {},
    );
    latest.set(name, over);
    void over.then(() => {
      if (latest.get(name) === over) latest.delete(name);
    });
    return turn;
  };
}
