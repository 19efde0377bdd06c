import { ascending, distributionOf, median, percentile } from '../../bench/statistics';

describe('a percentile', () => {
  const hundred = ascending(Array.from({ length: 100 }, (_, i) => 100 - i));

  test.each([
    [1, 1],
    [50, 50],
    [99, 99],
    [99.1, 100],
    [100, 100],
  ])('%d %% of 1 to 100 are at most %d', (percent, value) => {
    expect(percentile(hundred, percent)).toBe(value);
  });

  test('0 % is the least', () => {
    expect(percentile(hundred, 0)).toBe(1);
  });

  test('one sample is every percentile', () => {
    expect([1, 50, 100].map((percent) => percentile([7], percent))).toEqual([7, 7, 7]);
  });

  test('there is none of no samples', () => {
    expect(percentile([], 50)).toBeNaN();
  });
});

describe('a median', () => {
  test.each([
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9], 9.5],
    [[5], 5],
  ])('of %j is %d', (figures, middle) => {
    expect(median(figures)).toBe(middle);
  });

  test('of nothing is nothing', () => {
    expect(median([])).toBeNaN();
  });
});

test('a distribution rises, and ends at the largest sample', () => {
  const { percents, values } = distributionOf([5, 1, 9, 3, -2]);
  expect(percents).toHaveLength(values.length);
  expect(values).toEqual([...values].sort((a, b) => a - b));
  expect([values[0], values.at(-1)]).toEqual([-2, 9]);
});
