import fc from 'fast-check';
import { createLatenessDigest } from '../../src/reports/lateness';

function sumOf(latenesses: readonly number[]) {
  const digest = createLatenessDigest();
  for (const lateMs of latenesses) digest.note(lateMs);
  return digest.sum();
}

test('of nothing there is nothing to say', () => {
  expect(sumOf([])).toBeUndefined();
});

test.each([
  ['one', [7], { p50: 7, p90: 7, p99: 7, max: 7 }],
  ['a hundred', Array.from({ length: 100 }, (_, i) => 100 - i), { p50: 50, p90: 91, p99: 99, max: 100 }],
  ['what a clock makes early', [-3, 0.7, 1], { p50: 0, p90: 1, p99: 1, max: 1 }],
  ['days', [86_400_000, 5], { p50: 5, p90: 86_400_000, p99: 86_400_000, max: 86_400_000 }],
])('%s', (_, latenesses, sum) => {
  expect(sumOf(latenesses)).toEqual(sum);
});

test('no percentile is below what it was, nor more than 1/32 above it', () => {
  const ms = fc.oneof(fc.nat(100), fc.nat(10_000), fc.nat(10 ** 12));
  fc.assert(
    fc.property(fc.array(ms, { minLength: 1, maxLength: 300 }), (latenesses) => {
      const sorted = [...latenesses].sort((a, b) => a - b);
      const sum = sumOf(latenesses);
      for (const [name, share] of [
        ['p50', 0.5],
        ['p90', 0.9],
        ['p99', 0.99],
      ] as const) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1] as number;
        expect(sum?.[name]).toBeGreaterThanOrEqual(exact);
        expect(sum?.[name]).toBeLessThanOrEqual(exact < 64 ? exact : exact * (1 + 1 / 32));
      }
      expect(sum?.max).toBe(sorted.at(-1));
    }),
  );
});
