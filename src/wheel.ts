/**
 * The wheel: a delay is spent like time on a clock, so many days, hours, minutes, seconds and tenths.
 * Each digit of each unit is one holding queue; the routing key is the digits, then the target.
 * Pure arithmetic: what exists on the broker is declared from it by topology.ts.
 */

/** One unit of the wheel. */
export interface WheelLevel {
  /** The unit's name as it appears in exchange names, such as `1h`. */
  readonly name: string;
  /** How long one digit of this level waits, in milliseconds. */
  readonly unitMs: number;
  /** The highest digit; digits run from 1 to this. */
  readonly digits: number;
}

/** The levels from the coarsest to the finest. */
export type Wheel = readonly WheelLevel[];

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The wheel in use: 180 holding queues, no delay needs more than eight of them. */
export const WHEEL: Wheel = [
  { name: '1000d', unitMs: 1000 * DAY_MS, digits: 3 },
  { name: '100d', unitMs: 100 * DAY_MS, digits: 9 },
  { name: '10d', unitMs: 10 * DAY_MS, digits: 9 },
  { name: '1d', unitMs: DAY_MS, digits: 9 },
  { name: '1h', unitMs: HOUR_MS, digits: 23 },
  { name: '1m', unitMs: MINUTE_MS, digits: 59 },
  { name: '1s', unitMs: SECOND_MS, digits: 59 },
  { name: '100ms', unitMs: 100, digits: 9 },
];

/** The longest delay accepted, in milliseconds: 3650 days, RabbitMQ's own ceiling for one TTL. */
export const LONGEST_DELAY_MS = 3650 * DAY_MS;

/**
 * How early the wheel is aimed, in milliseconds: what the hops between queues take. The consumer
 * holds the message for what is left, so that it is handled on its millisecond.
 */
export const ALLOWANCE_MS = 40;

/**
 * Splits a delay into one digit per level, rounding down to the finest unit.
 *
 * @param delayMs how long to wait in the wheel; negative counts as zero
 * @throws RangeError when the wheel has no digit for that long a delay
 */
export function wheelDigits(wheel: Wheel, delayMs: number): number[] {
  let restMs = Math.max(0, Math.floor(delayMs));
  return wheel.map(({ name, unitMs, digits }) => {
    const digit = Math.floor(restMs / unitMs);
    if (digit > digits)
      throw new RangeError(
        `a delay of ${delayMs} ms needs digit ${digit} of level ${name}, which ends at ${digits}`,
      );
    restMs -= digit * unitMs;
    return digit;
  });
}

/** How long these digits wait in all, in milliseconds. */
export function digitsDelayMs(wheel: Wheel, digits: readonly number[]): number {
  return wheel.reduce((sum, level, i) => sum + (digits[i] ?? 0) * level.unitMs, 0);
}

/**
 * The routing key with which a message enters the wheel.
 *
 * @param remainingMs time from now to the due time; what is not above the allowance goes straight through
 * @param target name of the target queue, the key's last word (RabbitMQ allows 255 bytes for the whole key)
 */
export function routingKey(
  wheel: Wheel,
  remainingMs: number,
  target: string,
  allowanceMs = ALLOWANCE_MS,
): string {
  return [...wheelDigits(wheel, remainingMs - allowanceMs), target].join('.');
}

/** The name of a digit's wait, such as `30m`, `3s` or `900ms`: the unit's number times the digit. */
export function stopName(level: WheelLevel, digit: number): string {
  return level.name.replace(/^\d+/, (unit) => String(Number(unit) * digit));
}

/**
 * The pattern that takes a key from the exchange of level `from` straight to a digit of level `to`:
 * coarser digits are spent, those between are zero. Spelled out per pair, because a chain of
 * exchange-to-exchange bindings publishes four times slower.
 */
export function digitPattern(from: number, to: number, digit: number): string {
  return [...spentAndZero(from, to), digit, '#'].join('.');
}

/** The pattern that takes a key whose digits from level `from` on are all zero, out of the wheel. */
export function spentPattern(wheel: Wheel, from: number): string {
  return [...spentAndZero(from, wheel.length), '#'].join('.');
}

/** The pattern that takes whatever has gone through the wheel for one target. */
export function targetPattern(wheel: Wheel, target: string): string {
  return [...wheel.map(() => '*'), target].join('.');
}

function spentAndZero(from: number, to: number): string[] {
  return Array.from({ length: to }, (_, level) => (level < from ? '*' : '0'));
}
