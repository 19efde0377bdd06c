import fc from 'fast-check';
import type { EntryKind, LedgerEntry } from '../../src/ledger/entry';
import { COUNTED, createTally, type TallyOptions } from '../../src/reports/tally';

const period = { from: 1_000, to: 2_000 };

let made = 0;
/** An entry of another message each time, in the middle of the period. */
function entry(kind: EntryKind, fields: Partial<LedgerEntry> = {}): LedgerEntry {
  const id = `m${++made}`;
  return { kind, id, to: 'orders', delivery: id, attempt: 1, dueAt: 1_500, at: 1_500, ...fields };
}

function tallyOf(entries: readonly LedgerEntry[], options: Partial<TallyOptions> = {}) {
  const tally = createTally({ period, targets: ['orders', 'emails'], ...options });
  for (const each of entries) tally.note(each);
  return tally;
}
const sumOf = (...of: Parameters<typeof tallyOf>) => tallyOf(...of).sum();

const NONE = { accepted: 0, handled: 0, retried: 0, parked: 0, cancelled: 0 };

test('where nothing happened everything is nought', () => {
  const nothing = { counts: NONE, lateness: undefined };
  expect(sumOf([])).toEqual({
    total: nothing,
    targets: { orders: nothing, emails: nothing },
    reasons: [],
  });
});

test.each<[EntryKind, object]>([
  ['accepted', { accepted: 1 }],
  ['claimed', {}],
  ['handled', { handled: 1 }],
  ['retried', { retried: 1 }],
  ['rescheduled', {}],
  ['redriven', {}],
  ['parked', { parked: 1 }],
  ['cancelled', { cancelled: 1 }],
  ['dropped', {}],
])('%s counts as %j, for its target and in all', (kind, counts) => {
  const { total, targets } = sumOf([entry(kind)]);
  expect([total.counts, targets.orders?.counts, targets.emails?.counts]).toEqual([
    { ...NONE, ...counts },
    { ...NONE, ...counts },
    NONE,
  ]);
});

test.each([
  [999, 0],
  [1_000, 1],
  [1_999, 1],
  [2_000, 0],
])('what happened at %d counts %d times in the period from 1,000 to 2,000', (at, times) => {
  expect(sumOf([entry('accepted', { at })]).total.counts.accepted).toBe(times);
});

test('lateness is measured from the due time to the start of the handler, not to its end', () => {
  const { total, targets } = sumOf([
    entry('handled', { dueAt: 1_400, startedAt: 1_403, at: 1_900 }),
    entry('handled', { dueAt: 1_400, startedAt: 1_411, at: 1_412, to: 'emails' }),
    // Not every version has written down when it began.
    entry('handled', { dueAt: 1_100, at: 1_900 }),
    entry('retried', { dueAt: 1_100, at: 1_900 }),
  ]);
  expect(targets.orders?.lateness).toEqual({ p50: 3, p90: 3, p99: 3, max: 3 });
  expect(total).toMatchObject({ counts: { handled: 3 }, lateness: { p50: 3, p90: 11, max: 11 } });
});

test('the reasons of what was tried again or parked are counted together, the ten most frequent first', () => {
  const errors = Array.from({ length: 12 }, (_, i) =>
    Array.from({ length: i + 1 }, () => `error ${i}`),
  ).flat();
  const { reasons } = sumOf(errors.map((error, i) => entry(i % 2 ? 'parked' : 'retried', { error })));
  expect(reasons).toHaveLength(10);
  expect(reasons.slice(0, 2)).toEqual([
    { to: 'orders', error: 'error 11', times: 12 },
    { to: 'orders', error: 'error 10', times: 11 },
  ]);
  expect(sumOf([entry('parked')]).reasons).toEqual([{ to: 'orders', error: 'no reason given', times: 1 }]);
});

test('an entry that is written again so that it is not cut off does not count', () => {
  const accepted = entry('accepted', { at: 1_100 });
  const { total } = sumOf([accepted, { ...accepted, again: true }]);
  expect(total.counts.accepted).toBe(1);
  expect(tallyOf([{ ...accepted, at: 10, again: true }]).sawEarlier()).toBe(false);
});

test('a copy of an entry does not count; another attempt of the message does', () => {
  const retried = entry('retried', { attempt: 2, dueAt: 1_600 });
  const { total } = sumOf([retried, entry('accepted'), retried, { ...retried, attempt: 3, dueAt: 1_700 }]);
  expect(total.counts.retried).toBe(2);
});

test('an entry from before the period is noticed, and one from after it is not', () => {
  expect(tallyOf([entry('claimed', { at: 999 })]).sawEarlier()).toBe(true);
  expect(tallyOf([entry('accepted'), entry('accepted', { at: 5_000 })]).sawEarlier()).toBe(false);
});

test('a target that this version does not know is counted too, unless only others are asked for', () => {
  const entries = [entry('handled', { to: 'later' }), entry('handled'), entry('parked', { to: 'later' })];
  expect(Object.keys(sumOf(entries).targets)).toEqual(['orders', 'emails', 'later']);
  const { total, targets, reasons } = sumOf(entries, { only: ['orders'] });
  expect([total.counts, Object.keys(targets), reasons]).toEqual([{ ...NONE, handled: 1 }, ['orders'], []]);
});

test('the targets add up to all, whatever the order of the entries', () => {
  const any = fc.record({
    kind: fc.constantFrom<EntryKind>('accepted', 'handled', 'retried', 'parked', 'cancelled', 'dropped'),
    to: fc.constantFrom('orders', 'emails', 'relay'),
    at: fc.integer({ min: 900, max: 2_100 }),
    startedAt: fc.integer({ min: 1_500, max: 1_600 }),
  });
  fc.assert(
    fc.property(fc.array(any), (fields) => {
      const entries = fields.map((each) => entry(each.kind, each));
      const { total, targets } = sumOf(entries);
      expect(sumOf([...entries].reverse()).total).toEqual(total);
      for (const kind of COUNTED) {
        const ofTargets = Object.values(targets).reduce((sum, { counts }) => sum + counts[kind], 0);
        const within = entries.filter((each) => each.kind === kind && each.at >= 1_000 && each.at < 2_000);
        expect([total.counts[kind], ofTargets]).toEqual([within.length, within.length]);
      }
    }),
  );
});
