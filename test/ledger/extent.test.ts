import { createExtent } from '../../src/ledger/extent';

test('nothing lies behind an entry before enough has been read', () => {
  const extent = createExtent(1_000);
  expect(extent.offsetBehind(1)).toBeUndefined();
  for (let offset = 0; offset < 10; offset++) extent.note(offset, 600);
  expect(extent.offsetBehind(20_000)).toBeUndefined();
});

test('an entry is found that has so much behind it, and not much more', () => {
  const extent = createExtent(1_000);
  for (let offset = 0; offset < 1_000; offset++) extent.note(offset, 600); // 1,000 bytes each, with what is beside the body
  expect(extent.offsetBehind(100_000)).toBe(899);
  expect(extent.offsetBehind(0)).toBe(999);
});

test('the places that are remembered are few, however many entries there are', () => {
  const extent = createExtent(100_000);
  for (let offset = 0; offset < 1_000; offset++) extent.note(offset, 600);
  const found = extent.offsetBehind(500_000) ?? 0;
  expect(found).toBeLessThanOrEqual(499);
  expect(found).toBeGreaterThan(499 - 2 * 100);
});
