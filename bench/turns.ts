/** Turns: everybody once in each round, one after the other, so that whatever the machine does meanwhile meets them all. */
import { figure } from './report/figures';
import type { Series } from './report/result';
import { type Distribution, distributionOf, median } from './statistics';

/** What one turn came to. */
export interface Turn {
  /** Figures by name with their unit. */
  readonly figures: Readonly<Record<string, number>>;
  /** Single values that the figures sum up; default none. */
  readonly samples?: ArrayLike<number>;
  /** In place of samples, where only points of their distribution are known; of the last round. */
  readonly distribution?: Distribution;
}

/** Collects turns into series. */
export interface Collection {
  add(name: string, asked: string, turn: Turn): void;
  series(): Series[];
  /** The median of a figure over the rounds; NaN where there is none. */
  median(name: string, asked: string, what: string): number;
}

/** A collection of no turns yet. */
export function createCollection(): Collection {
  const all = new Map<string, { name: string; asked: string; turns: Turn[] }>();
  const keyOf = (name: string, asked: string) => JSON.stringify([name, asked]);
  const collected = (name: string, asked: string) => all.get(keyOf(name, asked))?.turns ?? [];
  const rounds = (turns: readonly Turn[], what: string) =>
    turns.flatMap(({ figures: { [what]: value } }) => (value === undefined ? [] : [value]));
  return {
    add(name, asked, turn) {
      all.set(keyOf(name, asked), { name, asked, turns: [...collected(name, asked), turn] });
    },
    series: () =>
      [...all.values()].map(({ name, asked, turns }) => {
        const names = [...new Set(turns.flatMap(({ figures }) => Object.keys(figures)))];
        const figures = Object.fromEntries(names.map((what) => [what, rounds(turns, what)]));
        const distribution = distributionIn(turns);
        return { name, case: asked, figures, ...(distribution && { distribution }) };
      }),
    median: (name, asked, what) => median(rounds(collected(name, asked), what)),
  };
}

function distributionIn(turns: readonly Turn[]): Distribution | undefined {
  const samples = turns.flatMap((turn) => (turn.samples ? [turn.samples] : []));
  if (samples.length === 0) return turns.at(-1)?.distribution;
  const length = samples.reduce((sum, each) => sum + each.length, 0);
  const joined = new Float64Array(length);
  let at = 0;
  for (const each of samples) {
    joined.set(each, at);
    at += each.length;
  }
  return distributionOf(joined);
}

/** Gives everybody a turn in each round. */
export async function takeTurns<Contestant extends { readonly name: string }>(
  options: {
    readonly contestants: readonly Contestant[];
    readonly rounds: number;
    /** See Series.case; default empty. */
    readonly asked?: string;
    readonly collection: Collection;
    readonly say: (line: string) => void;
  },
  turn: (contestant: Contestant, round: number) => Promise<Turn>,
): Promise<void> {
  const { contestants, rounds, asked = '', collection, say } = options;
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of contestants) {
      const taken = await turn(contestant, round);
      collection.add(contestant.name, asked, taken);
      const told = Object.entries(taken.figures).map(([name, value]) => `${name} ${figure(value)}`);
      say([asked, `round ${round}`, contestant.name, told.join(', ')].filter(Boolean).join(': '));
    }
  }
}
