import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BENCHES } from '../../bench/benches/benches';
import { readResults, withFigures } from '../../bench/report/figures-section';
import { describeMachine, machineLine } from '../../bench/report/machine';
import type { Result } from '../../bench/report/result';

const root = join(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'delay-broker-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const machine = {
  ...{ cpu: 'A processor', cores: 2, memoryGb: 24, system: 'Linux 6', disk: 'ext4' },
  versions: { Node: '20.20.2' },
};
const result = (bench: string): Result => ({
  ...{ bench, about: '', takenAt: '2026-11-25T18:00:00.000Z', rounds: 3, short: false, machine },
  ...{ settings: {}, series: [], comparisons: [{ name: 'figure', unit: 'ms', ours: 1 }] },
});

test('the table of docs/performance.md is what bench/results says', () => {
  const document = readFileSync(join(root, 'docs/performance.md'), 'utf8');
  const results = readResults(
    join(root, 'bench/results'),
    BENCHES.map(({ name }) => name),
  );
  expect(document).toBe(withFigures(document, results));
});

test('results are read in the order of the benchmarks, without those of the short form', () => {
  for (const name of ['accept', 'lateness', 'short-burst']) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(result(name)));
  }
  writeFileSync(join(folder, 'lateness.svg'), '');
  expect(readResults(folder, ['lateness', 'accept', 'burst'])).toEqual([
    result('lateness'),
    result('accept'),
  ]);
  expect(readResults(join(folder, 'nowhere'), [])).toEqual([]);
});

test('figures go between the marks, nothing else changes, and again changes nothing', () => {
  const empty =
    'before\n<!-- figures: made by `npm run bench -- --table` --><!-- end of figures -->\nafter\n';
  const filled = withFigures(empty, [result('lateness'), result('accept')]);
  expect(filled).toMatch(/^before\n/);
  expect(filled).toMatch(/\nafter\n$/);
  expect(filled).toContain('| accept: figure ');
  expect(filled).toContain('Measured on A processor, 2 cores');
  expect(filled).toContain(': lateness (2026-11-25, 3 rounds), accept (2026-11-25, 3 rounds).');
  expect(withFigures(filled, [result('lateness'), result('accept')])).toBe(filled);
  expect(() => withFigures('without marks', [])).toThrow('has no');
});

test('a machine is described with its disk and all versions', () => {
  const described = describeMachine(tmpdir(), { RabbitMQ: '3.10.8' });
  expect(described.versions).toEqual({ Node: process.versions.node, RabbitMQ: '3.10.8' });
  expect(described.cores).toBeGreaterThan(0);
  expect(described.memoryGb).toBeGreaterThan(0);
  expect(machineLine({ ...described, disk: 'ext4' })).toMatch(
    /^.+, \d+ cores, \d+ GB, \S+ \S+, data on ext4; Node [\d.]+, RabbitMQ 3\.10\.8$/,
  );
});
