import { type Comparison, isReached, ratioOf } from '../../bench/report/goals';
import { comparisonCells, markdownTable, printedResult } from '../../bench/report/tables';

const late: Comparison = {
  name: 'p90, 1,000/s',
  unit: 'ms',
  ours: 1.4321,
  peer: { name: 'BullMQ, everysec', value: 73.2 },
  goal: { of: 'ratio', is: 'at most', bound: 0.1 },
};

describe('a goal', () => {
  const reach = (is: 'at most' | 'at least', of: 'ours' | 'ratio', bound: number) =>
    isReached({ name: '', unit: '', ours: 8, peer: { name: '', value: 10 }, goal: { of, is, bound } });

  test.each([
    ['at most', 'ratio', 0.8, true],
    ['at most', 'ratio', 0.79, false],
    ['at least', 'ratio', 0.8, true],
    ['at least', 'ratio', 0.81, false],
    ['at most', 'ours', 8, true],
    ['at least', 'ours', 8.1, false],
  ] as const)('%s %s %d', (is, of, bound, reached) => {
    expect(reach(is, of, bound)).toBe(reached);
  });

  test('what could not be measured has not reached it', () => {
    expect(isReached({ ...late, ours: Number.NaN })).toBe(false);
  });

  test('there is nothing to reach without a goal, or in a ratio without a peer', () => {
    const { peer: _peer, ...alone } = late;
    const { goal: _goal, ...told } = late;
    expect([isReached(alone), isReached(told)]).toEqual([undefined, undefined]);
  });

  test('nothing is a multiple of zero', () => {
    expect(ratioOf({ ...late, peer: { name: 'none', value: 0 } })).toBeUndefined();
  });
});

test("a comparison's cells", () => {
  expect(comparisonCells(late)).toEqual([
    'p90, 1,000/s',
    '1.43 ms',
    '73.2 ms (BullMQ, everysec)',
    '0.0196',
    'at most 0.1 of the peer',
    'yes',
  ]);
  const rate: Comparison = { name: 'r', unit: '/s', ours: 12_345.6 };
  expect(comparisonCells(rate)).toEqual(['r', '12,346 /s', '', '', '', '']);
});

test('a table in Markdown has a row for each comparison', () => {
  const early: Comparison = {
    name: 'early',
    unit: '',
    ours: 3,
    goal: { of: 'ours', is: 'at most', bound: 0 },
  };
  const table = markdownTable([{ bench: 'lateness', comparisons: [late, early] }]);
  const cells = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  expect(cells.map((row) => row[1])).toEqual([
    'name',
    expect.stringMatching(/^-+$/),
    'lateness: p90, 1,000/s',
    'lateness: early',
  ]);
  expect(cells.at(-1)).toEqual(['', 'lateness: early', '3', '', '', 'at most 0', 'no', '']);
  expect(new Set(cells.map((row) => row.length)).size).toBe(1);
});

test('for the terminal there are medians, and from where to where the rounds went', () => {
  const series = [{ name: 'ours', case: '200/s', figures: { 'p50 ms': [2, 1, 30], early: [0] } }];
  expect(printedResult({ series, comparisons: [late] })).toMatch(
    /^200\/s +ours +p50 ms 2 \(1 to 30\), early 0\n/,
  );
});
