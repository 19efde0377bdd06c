import { aheadWhenStamped, byTrueTime, wholeMinutes } from './clocks';
import { createJournal } from './journal';

test('what is measured rounds to whole minutes, ahead or behind', () => {
  expect([299_000, -301_000, 900, -900].map(wholeMinutes)).toEqual([300_000, -300_000, 0, 0]);
});

test.each([
  ['right, and it came at once', 999_000, 999_400, 0],
  ['right, and it was kept back for 31 s', 999_000, 1_030_000, 0],
  ['five minutes ahead', 1_299_000, 999_900, 300_000],
  ['five minutes behind, and it was kept back for 31 s', 699_000, 1_030_000, -300_000],
])('a clock that stamped something is %s', (_, stampedAt, cameAt, ahead) => {
  expect(aheadWhenStamped(stampedAt, cameAt)).toBe(ahead);
});

test('by true time it counts whatever the clocks said', () => {
  const hourMs = 3_600_000;
  const accepted = [
    { n: 1, dueAt: 5_000, acceptedAt: 0 },
    { n: 2, dueAt: 6_000 + hourMs, acceptedAt: 0, clockAheadMs: hourMs },
  ];
  const attempts = [
    { n: 1, at: 4_900, handlersClock: 4_900 + hourMs, done: true },
    { n: 2, at: 6_700, done: true },
    { n: 3, at: 0, done: true },
  ];
  expect(byTrueTime({ ...createJournal(), accepted, attempts })).toEqual({
    ...{ early: 1, mostEarlyMs: 100, latestMs: 700 },
  });
});
