/** What is asked for on the command line. */
import { parseArgs } from 'node:util';
import type { Bench } from './bench';

/** How to ask. */
export const USAGE = 'usage: npm run bench -- [--list | --table] [--short] [--rounds N] [NAME...]';

/** What was asked for. */
export interface Options {
  readonly benches: readonly Bench[];
  readonly rounds: number;
  readonly short: boolean;
  /** Only name them. */
  readonly list: boolean;
  /** Only bring the table in docs/performance.md up to date with bench/results. */
  readonly table: boolean;
}

const ROUNDS = 3;

/**
 * Reads the command line.
 *
 * @throws Error with a sentence on what is wrong, and the usage
 */
export function optionsOf(args: readonly string[], all: readonly Bench[]): Options {
  const { values, positionals } = parsed(args);
  const { list = false, table = false, short = false } = values;
  const unknown = positionals.find((name) => !all.some((bench) => bench.name === name));
  if (unknown !== undefined) {
    const names = all.map(({ name }) => name).join(', ');
    throw new Error(`There is no benchmark "${unknown}"; there are: ${names}.\n${USAGE}`);
  }
  const rounds = values.rounds === undefined ? (short ? 1 : ROUNDS) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds takes a whole number from 1 on, not "${values.rounds}".\n${USAGE}`);
  const named = all.filter(({ name }) => positionals.includes(name));
  const benches = named.length > 0 ? named : all.filter(({ inShort }) => inShort || !short);
  return { benches, rounds, short, list, table };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        list: { type: 'boolean' },
        table: { type: 'boolean' },
        short: { type: 'boolean' },
        rounds: { type: 'string' },
      },
    });
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${USAGE}`, { cause });
  }
}
