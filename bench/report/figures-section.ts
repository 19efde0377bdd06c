/** The part of docs/performance.md that is made from bench/results: no figure in it is typed by hand. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineLine } from './machine';
import type { Result } from './result';
import { markdownTable } from './tables';

const BEGIN = '<!-- figures: made by `npm run bench -- --table` -->';
const END = '<!-- end of figures -->';

/** The results in a folder, in this order of benchmarks; those of the short form are none. */
export function readResults(folder: string, order: readonly string[]): Result[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && !file.startsWith('short-'))
    .map((file): Result => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    .sort((a, b) => order.indexOf(a.bench) - order.indexOf(b.bench));
}

/**
 * A document with the figures of these results where it says that figures belong.
 *
 * @throws Error when it says so nowhere
 */
export function withFigures(document: string, results: readonly Result[]): string {
  const [before, rest] = document.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined) throw new Error(`The document has no "${BEGIN}".`);
  return [before, BEGIN, '\n\n', figures(results), '\n\n', END, after].join('');
}

/** Brings a document up to date with the results in a folder. */
export function writeFigures(file: string, folder: string, order: readonly string[]): void {
  writeFileSync(file, withFigures(readFileSync(file, 'utf8'), readResults(folder, order)));
}

function figures(results: readonly Result[]): string {
  if (results.length === 0) return 'Nothing has been measured yet.';
  return [markdownTable(results), ...measuredOn(results)].join('\n\n');
}

/** On what each was measured; those that were measured on the same, in one line. */
function measuredOn(results: readonly Result[]): string[] {
  const byMachine = new Map<string, string[]>();
  for (const { bench, machine, takenAt, rounds } of results) {
    const line = machineLine(machine);
    const taken = `${bench} (${takenAt.slice(0, 10)}, ${rounds} rounds)`;
    byMachine.set(line, [...(byMachine.get(line) ?? []), taken]);
  }
  return [...byMachine].map(([line, taken]) => `Measured on ${line}: ${taken.join(', ')}.`);
}
