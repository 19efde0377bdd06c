import { afterWarmUp, type Point, trendOf } from './trend';

const MINUTE_MS = 60_000;
/** A value each second of ten minutes. */
const series = (valueAt: (second: number) => number): Point[] =>
  Array.from({ length: 601 }, (_, second) => ({ at: 5_000 + second * 1_000, value: valueAt(second) }));

test('what grows has a slope, and from where to where it grows', () => {
  const { from, to, perMinute } = trendOf(series((second) => 100 + second / 60));
  expect(perMinute).toBeCloseTo(1, 1);
  expect(from).toBeCloseTo(100, 0);
  expect(to).toBeCloseTo(110, 0);
});

test('what falls has a negative one', () => {
  expect(trendOf(series((second) => 100 - second / 60)).perMinute).toBeCloseTo(-1, 1);
});

test('a saw that comes back to where it was is flat, and so is a peak now and then', () => {
  expect(trendOf(series((second) => 100 + (second % 10))).perMinute).toBeCloseTo(0, 1);
  expect(trendOf(series((second) => (second % 100 === 99 ? 1_000 : 100))).perMinute).toBe(0);
});

test('a leak shows through noise that is larger than what it adds in a minute', () => {
  const { perMinute } = trendOf(series((second) => 100 + second / 60 + 20 * Math.sin(second)));
  expect(perMinute).toBeGreaterThan(0.5);
});

test.each<[string, Point[]]>([
  ['no points', []],
  ['one point', [{ at: MINUTE_MS, value: 0 }]],
])('%s make no slope', (_, points) => {
  expect(trendOf(points)).toEqual({ from: 0, to: 0, perMinute: 0 });
});

test('the warm-up is a third of the time', () => {
  const points = afterWarmUp(series((second) => second));
  expect([points[0]?.value, points.at(-1)?.value]).toEqual([200, 600]);
});
