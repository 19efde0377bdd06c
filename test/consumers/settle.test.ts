import fc from 'fast-check';
import { backoffMs } from '../../src/consumers/backoff';
import { done, doneOnceTold, reject, retry } from '../../src/consumers/outcome';
import { settlementOf } from '../../src/consumers/settle';
import type { Message } from '../../src/message';

const policy = { maxAttempts: 3, baseMs: 1_000, factor: 2, capMs: 1_500 };
const message: Message = {
  id: 'm',
  to: 'orders',
  payload: {},
  dueAt: 10_000,
  acceptedAt: 0,
  attempt: 1,
  delivery: 'd1',
};
const context = { policy, now: 10_100, startedAt: 10_001, random: 0.5 };

test('done is acknowledged', () => {
  expect(settlementOf(message, done, context)).toEqual({ kind: 'acknowledge' });
});

test('what is done once somebody was told is acknowledged after that', () => {
  const tell = async () => {};
  expect(settlementOf(message, doneOnceTold(tell), context)).toEqual({ kind: 'acknowledge', tell });
});

test('reject parks at once', () => {
  expect(settlementOf(message, reject('gone'), context)).toEqual({
    kind: 'park',
    why: { reason: 'rejected', error: 'gone', attempts: 1, firstAttemptAt: 10_001, lastAttemptAt: 10_001 },
  });
});

test('retry goes round again as another attempt of the same delivery, and keeps its first times', () => {
  const first = { dueAt: 10_000, at: 10_001 };
  const second = { ...message, dueAt: 10_600, attempt: 2, first };
  expect(settlementOf(message, retry('busy'), context)).toEqual({
    kind: 'forward',
    message: second,
    error: 'busy',
  });
  expect(settlementOf(second, retry('busy'), { ...context, startedAt: 20_000 })).toMatchObject({
    kind: 'forward',
    message: { id: 'm', attempt: 3, delivery: 'd1', dueAt: 10_100 + 750, first },
  });
});

test('after the last attempt it is parked', () => {
  const last = { ...message, attempt: 3, first: { dueAt: 5_000, at: 5_001 } };
  expect(settlementOf(last, retry('busy'), context)).toEqual({
    kind: 'park',
    why: {
      reason: 'attempts exhausted',
      error: 'busy',
      attempts: 3,
      firstAttemptAt: 5_001,
      lastAttemptAt: 10_001,
    },
  });
});

test('any sequence of outcomes ends acknowledged or parked within the attempts', () => {
  const outcome = fc.constantFrom(done, reject('no'), retry('later'));
  fc.assert(
    fc.property(fc.infiniteStream(outcome), fc.nat(9), (outcomes, dueAt) => {
      let current: Message = { ...message, dueAt };
      for (let attempt = 1; ; attempt++) {
        const settlement = settlementOf(current, outcomes.next().value, context);
        expect(attempt).toBeLessThanOrEqual(policy.maxAttempts);
        if (settlement.kind !== 'forward') return;
        current = settlement.message;
      }
    }),
  );
});

test("a message's own policy goes before its target's, field by field", () => {
  const own = { ...message, retry: { maxAttempts: 1 } };
  expect(settlementOf(own, retry('busy'), context)).toMatchObject({ kind: 'park' });
  const patient = { ...message, attempt: 3, retry: { maxAttempts: 4, baseMs: 100, capMs: 200 } };
  expect(settlementOf(patient, retry('busy'), context)).toMatchObject({
    kind: 'forward',
    message: { dueAt: 10_100 + 100, retry: patient.retry },
  });
});

test.each([
  ['longer than the backoff, even beyond the cap', 3_000, 3_000],
  ['shorter than the backoff', 1, 500],
  ['beyond all reason: a day', 1e12, 86_400_000],
])('a wait that the callee asked for is honoured: %s', (_, notBeforeMs, waitMs) => {
  expect(settlementOf(message, retry('busy', notBeforeMs), context)).toMatchObject({
    message: { dueAt: 10_100 + waitMs },
  });
});

test('backoff stays within its bounds, whatever the policy', () => {
  const whole = (max: number) => fc.integer({ min: 0, max });
  const anyPolicy = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 50 }),
    baseMs: whole(100_000),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    capMs: whole(1_000_000),
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(anyPolicy, fc.integer({ min: 1, max: 60 }), random, (policy, attempt, jitter) => {
      const waitMs = backoffMs(policy, attempt, jitter);
      if (attempt >= policy.maxAttempts) return void expect(waitMs).toBeUndefined();
      expect(Number.isInteger(waitMs)).toBe(true);
      expect(waitMs).toBeGreaterThanOrEqual(0);
      expect(waitMs).toBeLessThanOrEqual(
        Math.min(policy.capMs, policy.baseMs * policy.factor ** (attempt - 1)),
      );
    }),
  );
});
