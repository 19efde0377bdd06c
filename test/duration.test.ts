import fc from 'fast-check';
import { durationMs } from '../src/duration';

test.each([
  ['30m', 1_800_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['1m500ms', 60_500],
  ['3s', 3_000],
  ['2d', 172_800_000],
  ['1w', 604_800_000],
  ['0s', 0],
  ['PT30M', 1_800_000],
  ['P1DT2H', 93_600_000],
  ['PT0.5S', 500],
  ['PT1,25S', 1_250],
  ['P2W', 1_209_600_000],
])('%s is %d ms', (text, expected) => {
  expect(durationMs(text)).toBe(expected);
});

test.each([
  '',
  '30',
  'm',
  '30 m',
  '30 bananas',
  '-5s',
  '1.5h',
  '30m1h',
  'P',
  'PT',
  'P1DT',
  'P1M',
  'P1Y',
  'pt30m',
  '1e3s',
  '٣s',
])('"%s" is no duration', (text) => {
  expect(durationMs(text)).toBeUndefined();
});

test('no text makes it throw or give something else than a whole number', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = durationMs(text);
      expect(ms === undefined || (Number.isInteger(ms) && ms >= 0)).toBe(true);
    }),
  );
});
