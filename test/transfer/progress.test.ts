import { tallyLine } from '../../src/transfer/progress';

const NOTHING = { copied: {}, moved: { pending: 0, parked: 0, unroutable: 0 }, waiting: undefined, left: 0 };

test.each([
  [{ ...NOTHING, copied: { 'delay.control': 1_204 } }, 'copied 1,204 entries of delay.control'],
  [
    { ...NOTHING, moved: { pending: 100_000, parked: 12, unroutable: 0 }, waiting: 5 },
    'moved 100,000 pending, 12 parked, 0 unroutable; 5 to go',
  ],
  [
    { ...NOTHING, copied: { a: 1, b: 2 }, waiting: 0, left: 1 },
    'copied 1 entries of a, 2 entries of b; moved 0 pending, 0 parked, 0 unroutable; 0 to go; 1 cannot be moved',
  ],
])('%j is one line', (tally, line) => {
  expect(tallyLine(tally)).toBe(line);
});
