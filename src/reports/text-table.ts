/** Tables of plain text, for a mail's reader who sees no other. */

/** To which side a column's cells are pushed. */
export type Side = 'left' | 'right';

/**
 * Columns as wide as what is in them, two spaces apart.
 *
 * @param sides for each column; default the first to the left, the others to the right
 */
export function textTable(rows: readonly (readonly string[])[], sides: readonly Side[] = ['left']): string {
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const padded = (cell: string, column: number) =>
    sides[column] === 'left' ? cell.padEnd(widthOf(column)) : cell.padStart(widthOf(column));
  return rows.map((row) => row.map(padded).join('  ').trimEnd()).join('\n');
}
