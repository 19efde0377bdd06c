import fc from 'fast-check';
import { createReasons } from '../../src/reports/reasons';

function reasonsOf(errors: readonly string[], most?: number) {
  const reasons = createReasons(most);
  for (const error of errors) reasons.note('orders', error);
  return reasons;
}

test('the most frequent come first, by target, and no more than are asked for', () => {
  const reasons = createReasons();
  for (const [to, error] of [
    ['orders', '500'],
    ['emails', '500'],
    ['emails', '500'],
    ['emails', '421'],
  ] as const)
    reasons.note(to, error);
  expect(reasons.top(2)).toEqual([
    { to: 'emails', error: '500', times: 2 },
    { to: 'orders', error: '500', times: 1 },
  ]);
  expect(reasons.top(10)).toHaveLength(3);
});

test('what makes up more than its share is there, and is not counted too often, however many others there are', () => {
  const error = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.string());
  fc.assert(
    fc.property(fc.array(error, { maxLength: 200 }), fc.integer({ min: 1, max: 10 }), (errors, most) => {
      const found = new Map(
        reasonsOf(errors, most)
          .top(most)
          .map(({ error, times }) => [error, times]),
      );
      expect(found.size).toBeLessThanOrEqual(most);
      for (const each of new Set(errors)) {
        const times = errors.filter((other) => other === each).length;
        expect(found.get(each) ?? 0).toBeLessThanOrEqual(times);
        if (times > errors.length / (most + 1)) expect(found.get(each)).toBeGreaterThan(0);
        if (new Set(errors).size <= most) expect(found.get(each)).toBe(times);
      }
    }),
  );
});
