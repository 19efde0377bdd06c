import fc from 'fast-check';
import {
  ALLOWANCE_MS,
  digitPattern,
  digitsDelayMs,
  LONGEST_DELAY_MS,
  routingKey,
  spentPattern,
  stopName,
  targetPattern,
  WHEEL,
  wheelDigits,
} from '../src/wheel';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('digits of a delay', () => {
  test.each([
    [-1, '0.0.0.0.0.0.0.0'],
    [0, '0.0.0.0.0.0.0.0'],
    [99, '0.0.0.0.0.0.0.0'],
    [100, '0.0.0.0.0.0.0.1'],
    [3_000, '0.0.0.0.0.0.3.0'],
    [59_999, '0.0.0.0.0.0.59.9'],
    [60_000, '0.0.0.0.0.1.0.0'],
    [1.5 * HOUR, '0.0.0.0.1.30.0.0'],
    [DAY, '0.0.0.1.0.0.0.0'],
    [1234 * DAY + 5 * HOUR + 100, '1.2.3.4.5.0.0.1'],
    [LONGEST_DELAY_MS, '3.6.5.0.0.0.0.0'],
  ])('%d ms is %s', (delayMs, digits) => {
    expect(wheelDigits(WHEEL, delayMs).join('.')).toBe(digits);
  });

  test('a delay that the wheel cannot hold is refused', () => {
    expect(() => wheelDigits(WHEEL, 4000 * DAY)).toThrow(RangeError);
  });
});

describe('for any delay', () => {
  const delay = fc.integer({ min: 0, max: LONGEST_DELAY_MS });

  test('the stops add up to the delay, rounded down to a tenth', () => {
    fc.assert(
      fc.property(delay, (delayMs) => {
        expect(digitsDelayMs(WHEEL, wheelDigits(WHEEL, delayMs))).toBe(Math.floor(delayMs / 100) * 100);
      }),
    );
  });

  test('it takes at most eight stops, each with a digit that exists', () => {
    fc.assert(
      fc.property(delay, (delayMs) => {
        const digits = wheelDigits(WHEEL, delayMs);
        expect(digits).toHaveLength(8);
        for (const [i, digit] of digits.entries()) expect(digit).toBeLessThanOrEqual(WHEEL[i]?.digits ?? -1);
      }),
    );
  });

  test('the wheel is aimed early by the allowance and less than a tenth more, so that holding on is what is left', () => {
    fc.assert(
      fc.property(delay, (delayMs) => {
        const digits = routingKey(WHEEL, delayMs, 'orders').split('.').slice(0, 8).map(Number);
        const earlyMs = delayMs - digitsDelayMs(WHEEL, digits);
        expect(earlyMs).toBeGreaterThanOrEqual(Math.min(delayMs, ALLOWANCE_MS));
        expect(earlyMs).toBeLessThan(ALLOWANCE_MS + 100);
      }),
    );
  });

  test('a longer delay never waits shorter', () => {
    fc.assert(
      fc.property(delay, delay, (a, b) => {
        const [shorter, longer] = [Math.min(a, b), Math.max(a, b)];
        const waited = (delayMs: number) => digitsDelayMs(WHEEL, wheelDigits(WHEEL, delayMs));
        expect(waited(shorter)).toBeLessThanOrEqual(waited(longer));
      }),
    );
  });

  test("the longest key fits into AMQP's 255 bytes with a target of 200", () => {
    const longest = routingKey(WHEEL, 3_999.9 * DAY, 't'.repeat(200));
    expect(Buffer.byteLength(longest)).toBeLessThanOrEqual(255);
  });
});

test('a key goes with its target as the last word', () => {
  expect(routingKey(WHEEL, 1.5 * HOUR + ALLOWANCE_MS, 'orders')).toBe('0.0.0.0.1.30.0.0.orders');
});

test.each([
  [0, 3, '3000d'],
  [4, 23, '23h'],
  [5, 30, '30m'],
  [6, 3, '3s'],
  [7, 9, '900ms'],
])('level %d digit %d is called %s', (level, digit, name) => {
  expect(stopName(WHEEL[level] as never, digit)).toBe(name);
});

test('patterns spell out zeros between levels and leave spent digits open', () => {
  expect(digitPattern(5, 6, 5)).toBe('*.*.*.*.*.0.5.#');
  expect(digitPattern(0, 0, 2)).toBe('2.#');
  expect(spentPattern(WHEEL, 6)).toBe('*.*.*.*.*.*.0.0.#');
  expect(targetPattern(WHEEL, 'orders')).toBe('*.*.*.*.*.*.*.*.orders');
});
