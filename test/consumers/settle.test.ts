import fc from 'fast-check';
import { backoffMs, DEFAULT_RETRY_POLICY } from '../../src/consumers/backoff';
import { done, reject, retry } from '../../src/consumers/outcome';
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
const context = { policy, now: 10_100, startedAt: 10_001, delivery: 'd2', random: 0.5 };

test('done is acknowledged', () => {
  expect(settlementOf(message, done, context)).toEqual({ kind: 'acknowledge' });
});

test('reject parks at once', () => {
  expect(settlementOf(message, reject('gone'), context)).toEqual({
    kind: 'park',
    why: { reason: 'rejected', error: 'gone' },
  });
});

test('retry goes round again as another delivery of the same message, and keeps its first times', () => {
  const first = { dueAt: 10_000, at: 10_001 };
  const second = { ...message, dueAt: 10_600, attempt: 2, delivery: 'd2', first };
  expect(settlementOf(message, retry('busy'), context)).toEqual({ kind: 'forward', message: second });
  expect(
    settlementOf(second, retry('busy'), { ...context, startedAt: 20_000, delivery: 'd3' }),
  ).toMatchObject({
    kind: 'forward',
    message: { id: 'm', attempt: 3, delivery: 'd3', dueAt: 10_100 + 750, first },
  });
});

test('after the last attempt it is parked', () => {
  expect(settlementOf({ ...message, attempt: 3 }, retry('busy'), context)).toEqual({
    kind: 'park',
    why: { reason: 'attempts exhausted', error: 'busy' },
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

test('backoff stays within its bounds, whatever the policy', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), random, (attempt, jitter) => {
      const waitMs = backoffMs(DEFAULT_RETRY_POLICY, attempt, jitter) ?? Number.NaN;
      expect(waitMs).toBeGreaterThanOrEqual(0);
      expect(waitMs).toBeLessThanOrEqual(Math.min(DEFAULT_RETRY_POLICY.capMs, 2_000 * 2 ** (attempt - 1)));
    }),
  );
});
