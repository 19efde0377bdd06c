import { logScale } from '../../bench/report/scale';

test('the axis ends at powers of ten around the values', () => {
  expect(logScale([0.3, 70], 0.01).ticks).toEqual([0.1, 1, 10, 100]);
});

test('each decade takes as much of the axis', () => {
  const { at } = logScale([0.1, 100], 0.01);
  expect([0.1, 1, 10, 100].map((value) => Number(at(value).toFixed(6)))).toEqual([0, 0.333333, 0.666667, 1]);
});

test('zero, what is early and what is beyond the ends lie at the ends', () => {
  const { at } = logScale([1, 10], 0.01);
  expect([0, -3, 0.5, 11].map(at)).toEqual([0, 0, 0, 1]);
});

test('the axis begins no lower than asked for', () => {
  expect(logScale([1e-7, 1], 0.01).ticks).toEqual([0.01, 0.1, 1]);
});

test.each([
  ['one value', [1]],
  ['no value', []],
  ['zeros only', [0, 0]],
  ['what is not measured', [Number.NaN, Number.POSITIVE_INFINITY]],
])('%s still makes an axis', (_, values) => {
  const { ticks } = logScale(values, 0.01);
  expect(ticks.length).toBeGreaterThan(1);
  expect(ticks.every((tick) => tick > 0 && Number.isFinite(tick))).toBe(true);
});
