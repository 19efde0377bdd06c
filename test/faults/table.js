/** A Jest reporter that prints the scenes' table: what was promised, what became of it, and how long each fault took to get over. */
const { existsSync, readFileSync } = require('node:fs');

const COLUMNS = [
  'accepted',
  'handled',
  'parked',
  'cancelled',
  'lost',
  'early',
  'resurrected',
  'copies',
  'unexplained',
];

const count = (value) => String(Array.isArray(value) ? value.length : value);

function lines({ scene, version, recoveries, notes, ...row }) {
  const name = `${scene} (${version})`;
  return [
    [name, ...COLUMNS.map((column) => count(row[column]))],
    ...recoveries.map(({ fault, delayed, afterMs }) => [
      `  ${fault}: ${delayed} delayed, the last handled ${(afterMs / 1000).toFixed(1)} s after its end`,
    ]),
    ...notes.map((note) => [`  ${note}`]),
  ];
}

module.exports = class Table {
  onRunComplete() {
    const file = process.env.FAULTS_TABLE ?? '';
    if (!existsSync(file)) return;
    const rows = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const table = [['scene', ...COLUMNS], ...rows.flatMap(lines)];
    const cells = table.filter((row) => row.length > 1);
    const widths = ['scene', ...COLUMNS].map((_, i) => Math.max(...cells.map((row) => row[i].length)));
    const text = table.map((row) =>
      row.length === 1
        ? row[0]
        : row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    );
    process.stdout.write(`${text.join('\n')}\n`);
  }
};
