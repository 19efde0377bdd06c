import { textTable } from '../../src/reports/text-table';
import { durationText, numberText } from '../../src/reports/wording';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1_000, '1.0 s'],
  [59_999, '59.9 s'],
  [60_000, '1 min'],
  [3_599_999, '59 min'],
  [3_600_000, '1 h 00 min'],
  [90_061_000, '25 h 01 min'],
  [36_000_000_000, '10,000 h 00 min'],
])('%d ms are shown as %s', (durationMs, shown) => {
  expect(durationText(durationMs)).toBe(shown);
});

test('thousands are set apart', () => {
  expect([0, 999, 1_234_567].map(numberText)).toEqual(['0', '999', '1,234,567']);
});

test('columns are as wide as what is in them', () => {
  expect(textTable([])).toBe('');
  expect(
    textTable(
      [
        ['a', '1', 'x'],
        ['bcd', '22'],
        ['', '', 'yy'],
      ],
      ['left', 'right', 'left'],
    ),
  ).toBe('a     1  x\nbcd  22\n         yy');
});
