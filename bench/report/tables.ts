/** Results as text: a table for the terminal, and one in Markdown for the documents. */
import { median } from '../statistics';
import { figure } from './figures';
import { type Comparison, isReached, ratioOf } from './goals';
import type { Result, Series } from './result';

/** The columns of a comparison. */
export const COLUMNS = ['name', 'ours', 'peer', 'ratio', 'to reach', 'reached'] as const;

/** A comparison's cells, in the order of COLUMNS. */
export function comparisonCells(comparison: Comparison): string[] {
  const { name, unit, ours, peer, goal } = comparison;
  const ratio = ratioOf(comparison);
  const reached = isReached(comparison);
  return [
    name,
    figure(ours, unit),
    peer ? `${figure(peer.value, unit)} (${peer.name})` : '',
    ratio === undefined ? '' : figure(ratio),
    goal
      ? `${goal.is} ${goal.of === 'ours' ? figure(goal.bound, unit) : `${figure(goal.bound)} of the peer`}`
      : '',
    reached === undefined ? '' : reached ? 'yes' : 'no',
  ];
}

/** The comparisons of several results as one Markdown table. */
export function markdownTable(results: readonly Pick<Result, 'bench' | 'comparisons'>[]): string {
  const rows = results.flatMap(({ bench, comparisons }) =>
    comparisons.map((comparison) => {
      const [name = '', ...cells] = comparisonCells(comparison);
      return [`${bench}: ${name}`, ...cells];
    }),
  );
  return aligned([[...COLUMNS], COLUMNS.map(() => '---'), ...rows])
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** What a result says, for the terminal: the medians of each contestant, then the comparisons. */
export function printedResult({ series, comparisons }: Pick<Result, 'series' | 'comparisons'>): string {
  const lines = aligned([...series.map(seriesCells)]).map((cells) => cells.join('  ').trimEnd());
  const compared = aligned([[...COLUMNS], ...comparisons.map(comparisonCells)]);
  return [...lines, '', ...compared.map((cells) => cells.join('  ').trimEnd())].join('\n');
}

function seriesCells({ name, case: asked, figures }: Series): string[] {
  const told = Object.entries(figures).map(([what, rounds]) => `${what} ${spread(rounds)}`);
  return [asked, name, told.join(', ')];
}

/** The median, and from where to where the rounds went. */
function spread(rounds: readonly number[]): string {
  const middle = figure(median(rounds));
  if (rounds.length < 2) return middle;
  return `${middle} (${figure(Math.min(...rounds))} to ${figure(Math.max(...rounds))})`;
}

function aligned(rows: readonly (readonly string[])[]): string[][] {
  const widths = rows.reduce<number[]>(
    (widest, cells) => cells.map((cell, i) => Math.max(widest[i] ?? 0, cell.length)),
    [],
  );
  return rows.map((cells) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0, cell === '---' ? '-' : ' ')));
}
