import fc from 'fast-check';
import type { EntryKind, LedgerEntry } from '../../src/ledger/entry';
import type { LedgerRecord, RecordStatus } from '../../src/ledger/record';
import { type Applied, CLAIM_MS, type Claim, ruleOn } from '../../src/ledger/rules';
import { timelineOf } from '../../src/ledger/timeline';

const MINUTE = 60_000;
const HOLD = 10 * MINUTE;
/** Everything below is due here, unless it says otherwise. */
const DUE = 100 * MINUTE;

const entry = (kind: EntryKind, delivery: string, rest: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ kind, id: 'm', to: 'orders', delivery, attempt: 1, dueAt: DUE, at: 0 },
  ...rest,
});

/** What entries come to, one after the other; each one's offset is its index. */
function play(...entries: LedgerEntry[]) {
  let record: LedgerRecord | undefined;
  let claim: Claim | undefined;
  const applied: Applied[] = [];
  for (const [offset, next] of entries.entries()) {
    const ruling = ruleOn(next, offset, { record, claim, idHoldMs: HOLD });
    if (ruling.fresh) record = ruling.fresh;
    else if (record && ruling.change) Object.assign(record, ruling.change);
    if (ruling.claim !== undefined) claim = ruling.claim ?? undefined;
    applied.push(ruling.applied);
  }
  return { record, claim, applied, last: applied.at(-1) };
}

const events = (record: LedgerRecord | undefined) =>
  (record ? timelineOf(record) : []).map(({ event }) => event);

const accepted = entry('accepted', 'a');
const claimedFromA = entry('claimed', 'b', { from: 'a' });
const moved = entry('rescheduled', 'b', { dueAt: DUE + MINUTE });
const retried = entry('retried', 'a', { attempt: 2, dueAt: DUE + MINUTE, at: DUE, error: 'no answer' });
const handled = entry('handled', 'a', { at: DUE });
const parked = entry('parked', 'a', { at: DUE, error: 'rejected' });
const cancelled = entry('cancelled', 'a');
const redriven = entry('redriven', 'a', { dueAt: DUE + 2 * MINUTE, at: DUE + 2 * MINUTE });

/** Long enough after the due time that the id is free. */
const RELEASED = DUE + HOLD;

describe('what an entry comes to', () => {
  test.each<[string, LedgerEntry[], LedgerEntry, Applied, RecordStatus | undefined, string | undefined]>([
    ['a first acceptance', [], accepted, 'taken', 'scheduled', 'a'],
    ['the acceptance once more', [accepted], accepted, 'repeated', 'scheduled', 'a'],
    ['an acceptance after the outcome', [handled], accepted, 'taken', 'handled', 'a'],
    ['an acceptance after its retry', [retried], accepted, 'taken', 'retrying', 'a'],
    ['an acceptance of an id that waits', [accepted], entry('accepted', 'b'), 'lost', 'scheduled', 'a'],
    [
      'an acceptance of an id still held',
      [accepted, handled],
      entry('accepted', 'b', { at: RELEASED - 1 }),
      'lost',
      'handled',
      'a',
    ],
    [
      'an acceptance of a free id',
      [accepted, handled],
      entry('accepted', 'b', { at: RELEASED }),
      'taken',
      'scheduled',
      'b',
    ],
    [
      'an acceptance of an id that waits for ever',
      [accepted],
      entry('accepted', 'b', { at: RELEASED }),
      'lost',
      'scheduled',
      'a',
    ],
    [
      'an acceptance of an attempt later than the first',
      [],
      entry('accepted', 'a', { attempt: 3 }),
      'taken',
      'retrying',
      'a',
    ],

    ['a claim on a new id', [], entry('claimed', 'a'), 'taken', undefined, undefined],
    ['a claim on an id that waits', [accepted], entry('claimed', 'b'), 'lost', 'scheduled', 'a'],
    [
      'a claim on an id still held',
      [accepted, cancelled],
      entry('claimed', 'b', { at: RELEASED - 1 }),
      'lost',
      'cancelled',
      'a',
    ],
    [
      'a claim on a free id',
      [accepted, cancelled],
      entry('claimed', 'b', { at: RELEASED }),
      'taken',
      'cancelled',
      'a',
    ],
    [
      'a claim on a claimed id',
      [entry('claimed', 'a')],
      entry('claimed', 'b', { at: CLAIM_MS - 1 }),
      'lost',
      undefined,
      undefined,
    ],
    [
      'a claim on an id whose claim is over',
      [entry('claimed', 'a')],
      entry('claimed', 'b', { at: CLAIM_MS }),
      'taken',
      undefined,
      undefined,
    ],
    [
      'the same claim once more',
      [entry('claimed', 'a')],
      entry('claimed', 'a', { at: 1 }),
      'taken',
      undefined,
      undefined,
    ],
    [
      'a claim that comes after its acceptance',
      [accepted],
      entry('claimed', 'a'),
      'repeated',
      'scheduled',
      'a',
    ],
    ['a claim in place of the current delivery', [accepted], claimedFromA, 'taken', 'scheduled', 'a'],
    [
      'a claim in place of another delivery',
      [accepted],
      entry('claimed', 'c', { from: 'b' }),
      'lost',
      'scheduled',
      'a',
    ],
    ['a claim in place of what is handled', [accepted, handled], claimedFromA, 'lost', 'handled', 'a'],
    ['a claim in place of what nobody knows', [], claimedFromA, 'lost', undefined, undefined],
    [
      'a claim in place of what another one replaces',
      [accepted, claimedFromA],
      entry('claimed', 'c', { from: 'a' }),
      'lost',
      'scheduled',
      'a',
    ],

    [
      'an acceptance of a claimed id',
      [entry('claimed', 'a')],
      entry('accepted', 'b', { at: CLAIM_MS - 1 }),
      'taken',
      'scheduled',
      'b',
    ],
    [
      'an acceptance by the claimant of what was accepted before it all the same',
      [entry('claimed', 'a'), entry('accepted', 'b')],
      accepted,
      'lost',
      'scheduled',
      'b',
    ],
    [
      'an acceptance where the claim is over',
      [entry('claimed', 'a')],
      entry('accepted', 'b', { at: CLAIM_MS }),
      'taken',
      'scheduled',
      'b',
    ],
    ['the acceptance by the claimant', [entry('claimed', 'a')], accepted, 'taken', 'scheduled', 'a'],
    [
      'the acceptance by the claimant by a clock that is behind',
      [accepted, handled, entry('claimed', 'b', { at: RELEASED })],
      entry('accepted', 'b', { at: RELEASED - MINUTE }),
      'taken',
      'scheduled',
      'b',
    ],

    ['a reschedule that was claimed', [accepted, claimedFromA], moved, 'taken', 'scheduled', 'b'],
    [
      'a reschedule of a later attempt',
      [accepted, retried, claimedFromA],
      entry('rescheduled', 'b', { attempt: 2 }),
      'taken',
      'retrying',
      'b',
    ],
    [
      'a reschedule long after its claim',
      [accepted, claimedFromA],
      entry('rescheduled', 'b', { at: DUE - 1 }),
      'taken',
      'scheduled',
      'b',
    ],
    ['a reschedule without a claim', [accepted], moved, 'lost', 'scheduled', 'a'],
    [
      'a reschedule whose claim another one took over',
      [accepted, claimedFromA, entry('claimed', 'c', { from: 'a', at: CLAIM_MS })],
      moved,
      'lost',
      'scheduled',
      'a',
    ],
    [
      'a reschedule of what was handled meanwhile',
      [accepted, claimedFromA, handled],
      moved,
      'lost',
      'handled',
      'a',
    ],
    [
      'a reschedule of a message that took over the id',
      [accepted, claimedFromA, handled, entry('accepted', 'c', { at: RELEASED })],
      moved,
      'lost',
      'scheduled',
      'c',
    ],
    ['the reschedule once more', [accepted, claimedFromA, moved], moved, 'repeated', 'scheduled', 'b'],
    ['a reschedule of what nobody knows', [], moved, 'taken', 'scheduled', 'b'],

    ['a retry', [accepted], retried, 'taken', 'retrying', 'a'],
    ['the retry once more', [accepted, retried], retried, 'repeated', 'retrying', 'a'],
    [
      'an earlier retry',
      [accepted, entry('retried', 'a', { attempt: 3 })],
      retried,
      'repeated',
      'retrying',
      'a',
    ],
    ['a retry of a void delivery', [accepted, claimedFromA, moved], retried, 'lost', 'scheduled', 'b'],
    ['a retry of what is cancelled', [accepted, cancelled], retried, 'lost', 'cancelled', 'a'],
    [
      'a retry of what a later attempt has ended',
      [accepted, entry('handled', 'a', { attempt: 2 })],
      retried,
      'repeated',
      'handled',
      'a',
    ],
    ['a retry of what nobody knows', [], retried, 'taken', 'retrying', 'a'],

    ['the handling', [accepted], handled, 'taken', 'handled', 'a'],
    ['the handling once more', [accepted, handled], handled, 'repeated', 'handled', 'a'],
    ['the handling of what is cancelled', [accepted, cancelled], handled, 'taken', 'handled', 'a'],
    ['the handling of a void delivery', [accepted, claimedFromA, moved], handled, 'lost', 'scheduled', 'b'],
    ['the handling of what nobody knows', [], handled, 'taken', 'handled', 'a'],
    ['the parking', [accepted], parked, 'taken', 'parked', 'a'],
    ['the parking once more', [accepted, parked], parked, 'repeated', 'parked', 'a'],
    [
      'another parking, of a redrive',
      [accepted, parked],
      entry('parked', 'a', { dueAt: DUE + 1 }),
      'taken',
      'parked',
      'a',
    ],

    ['a redrive', [accepted, parked], redriven, 'taken', 'scheduled', 'a'],
    ['the redrive once more', [accepted, parked, redriven], redriven, 'repeated', 'scheduled', 'a'],
    [
      'a redrive that is known to be handled',
      [accepted, parked, { ...redriven, kind: 'handled' }],
      redriven,
      'repeated',
      'handled',
      'a',
    ],
    [
      'a redrive that is known to be parked again',
      [accepted, parked, { ...redriven, kind: 'parked' }],
      redriven,
      'repeated',
      'parked',
      'a',
    ],
    ['a redrive of what is not parked', [accepted], redriven, 'lost', 'scheduled', 'a'],
    ['a redrive of what nobody knows', [], redriven, 'taken', 'scheduled', 'a'],

    ['a cancellation', [accepted], cancelled, 'taken', 'cancelled', 'a'],
    ['a cancellation between two attempts', [accepted, retried], cancelled, 'taken', 'cancelled', 'a'],
    ['the cancellation once more', [accepted, cancelled], cancelled, 'repeated', 'cancelled', 'a'],
    [
      'a cancellation of a void delivery',
      [accepted, claimedFromA, moved],
      cancelled,
      'lost',
      'scheduled',
      'b',
    ],
    ['a cancellation while it is rescheduled', [accepted, claimedFromA], cancelled, 'lost', 'scheduled', 'a'],
    [
      'a cancellation after a reschedule that came to nothing',
      [accepted, claimedFromA],
      entry('cancelled', 'a', { at: CLAIM_MS }),
      'taken',
      'cancelled',
      'a',
    ],
    ['a cancellation of what is handled', [accepted, handled], cancelled, 'lost', 'handled', 'a'],
    ['a cancellation of what nobody knows', [], cancelled, 'taken', 'cancelled', 'a'],

    ['a drop of the current delivery', [accepted], entry('dropped', 'a'), 'taken', 'cancelled', 'a'],
    [
      'a drop of a cancelled delivery',
      [accepted, cancelled],
      entry('dropped', 'a'),
      'repeated',
      'cancelled',
      'a',
    ],
    [
      'a drop of a void delivery',
      [accepted, claimedFromA, moved],
      entry('dropped', 'a'),
      'repeated',
      'scheduled',
      'b',
    ],
    ['a drop of what nobody knows', [], entry('dropped', 'a'), 'repeated', undefined, undefined],
  ])('%s', (_name, before, next, applied, status, delivery) => {
    const { record, last } = play(...before, next);
    expect([last, record?.status, record?.delivery]).toEqual([applied, status, delivery]);
  });
});

describe('what a record says', () => {
  test('an acceptance that comes late fills in what is missing', () => {
    const labelled = entry('accepted', 'a', { at: 5, dueAt: DUE, key: 'k', fingerprint: 'f' });
    expect(play(retried).record).toMatchObject({
      acceptedAt: undefined,
      offset: 0,
      firstDueAt: retried.dueAt,
    });
    expect(play(retried, labelled).record).toMatchObject({
      ...{ status: 'retrying', dueAt: retried.dueAt, attempt: 2, offset: 0 },
      ...{ acceptedAt: 5, firstDueAt: DUE, key: 'k', fingerprint: 'f' },
    });
    expect(play(handled, labelled).record).toMatchObject({ status: 'handled', acceptedAt: 5, offset: 1 });
  });

  test('the message is read where it was written last as it is', () => {
    expect(play(accepted, accepted).record?.offset).toBe(1);
    expect(play(accepted, retried, accepted).record?.offset).toBe(1);
    expect(play(accepted, retried, retried).record?.offset).toBe(2);
    expect(play(accepted, parked, redriven, redriven).record?.offset).toBe(3);
    expect(play(accepted, claimedFromA, moved, moved).record?.offset).toBe(3);
  });

  test('a retry and an outcome bring their attempt, its due time and why it failed', () => {
    const record = { attempt: 2, dueAt: DUE + MINUTE, firstDueAt: DUE };
    const end = { attempt: 2, dueAt: DUE + MINUTE, at: DUE + MINUTE };
    expect(play(accepted, retried).record).toMatchObject({ ...record, error: 'no answer' });
    expect(play(accepted, retried, entry('handled', 'a', end)).record).toMatchObject({
      ...record,
      error: undefined,
    });
    expect(play(accepted, retried, entry('parked', 'a', { ...end, error: 'late' })).record).toMatchObject({
      ...record,
      error: 'late',
    });
    expect(play(accepted, parked, redriven).record).toMatchObject({
      attempt: 1,
      error: undefined,
      firstDueAt: DUE,
    });
  });

  test('void deliveries are counted, and the latest due time is that of all of them', () => {
    const sooner = entry('accepted', 'b', { dueAt: DUE - 1 });
    const later = entry('accepted', 'b', { dueAt: DUE + 1 });
    expect(play(accepted).record).toMatchObject({ voided: 0, latestDueAt: DUE });
    expect(play(accepted, sooner).record).toMatchObject({ voided: 1, latestDueAt: DUE, dueAt: DUE });
    expect(play(accepted, sooner, later).record).toMatchObject({
      voided: 2,
      latestDueAt: DUE + 1,
      dueAt: DUE,
    });
    expect(play(accepted, claimedFromA, { ...moved, dueAt: 1 }).record).toMatchObject({
      voided: 1,
      latestDueAt: DUE,
      dueAt: 1,
    });
    expect(play(accepted, cancelled, retried).record).toMatchObject({
      voided: 0,
      latestDueAt: retried.dueAt,
      dueAt: DUE,
    });
  });

  test('what a claim may have put into the wheel counts, whatever becomes of it', () => {
    const later = { ...claimedFromA, dueAt: DUE + 1 };
    expect(play(accepted, later).record).toMatchObject({ voided: 1, latestDueAt: DUE + 1, dueAt: DUE });
    const movedLater = { ...moved, dueAt: DUE + 1 };
    expect(play(accepted, later, movedLater).record).toMatchObject({ voided: 1, latestDueAt: DUE + 1 });
    const cancelledThen = entry('cancelled', 'a', { at: CLAIM_MS });
    expect(play(accepted, later, cancelledThen).record).toMatchObject({
      status: 'cancelled',
      voided: 1,
      latestDueAt: DUE + 1,
    });
  });

  test('a message that takes over an id begins anew', () => {
    const { record } = play(accepted, retried, handled, entry('accepted', 'b', { at: 2 * RELEASED }));
    expect(record).toMatchObject({
      delivery: 'b',
      attempt: 1,
      voided: 0,
      latestDueAt: DUE,
      acceptedAt: 2 * RELEASED,
    });
    expect(events(record)).toEqual(['accepted']);
  });

  test('a claim is gone once its delivery is in the wheel', () => {
    expect(play(entry('claimed', 'a'), accepted).claim).toBeUndefined();
    expect(play(accepted, claimedFromA, moved).claim).toBeUndefined();
    expect(play(accepted, claimedFromA, retried).claim).toMatchObject({ delivery: 'b' });
  });

  test('a delivery with the name of its message takes no string of its own', () => {
    const name = (text: string) => Buffer.from(text).toString();
    const { record } = play(entry('accepted', name('m')));
    expect(record?.delivery).toBe(record?.id);
  });
});

describe('the timeline', () => {
  test('has what happened, with attempt and times', () => {
    const { record } = play(
      accepted,
      retried,
      entry('handled', 'a', { attempt: 2, dueAt: retried.dueAt, at: 7 }),
    );
    expect(record && timelineOf(record)).toEqual([
      { event: 'accepted', at: 0, attempt: 1, dueAt: DUE },
      { event: 'retried', at: DUE, attempt: 2, dueAt: retried.dueAt },
      { event: 'handled', at: 7, attempt: 2, dueAt: retried.dueAt },
    ]);
  });

  test('begins with the acceptance, whenever that is noted', () => {
    expect(events(play(handled).record)).toEqual(['handled']);
    expect(events(play(handled, accepted).record)).toEqual(['accepted', 'handled']);
  });

  test('has what a void delivery came to, and no entry twice', () => {
    const { record } = play(accepted, claimedFromA, moved, handled, moved, claimedFromA);
    expect(events(record)).toEqual(['accepted', 'rescheduled', 'handled']);
  });

  test('knows every kind of event', () => {
    const away = entry('dropped', 'b');
    expect(events(play(accepted, claimedFromA, moved, away).record).at(-1)).toBe('dropped');
    expect(events(play(accepted, parked, redriven, { ...cancelled, at: DUE }).record)).toEqual([
      'accepted',
      'parked',
      'redriven',
      'cancelled',
    ]);
  });

  test('keeps the first ten and the latest forty of many events', () => {
    const retries = Array.from({ length: 98 }, (_, i) =>
      entry('retried', 'a', { attempt: i + 2, dueAt: DUE + i }),
    );
    const { record } = play(accepted, ...retries);
    const attempts = (record ? timelineOf(record) : []).map(({ attempt }) => attempt);
    expect(attempts).toEqual([...numbers(1, 10), ...numbers(60, 99)]);
    expect(record).toMatchObject({ attempt: 99, firstDueAt: DUE, acceptedAt: 0, latestDueAt: DUE + 97 });
  });
});

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('for any entries', () => {
  const kinds: EntryKind[] = [
    'accepted',
    'claimed',
    'retried',
    'rescheduled',
    'redriven',
    'handled',
    'parked',
    'cancelled',
    'dropped',
  ];
  const anyEntry = fc.record({
    kind: fc.constantFrom(...kinds),
    id: fc.constant('m'),
    to: fc.constant('orders'),
    delivery: fc.constantFrom('a', 'b', 'c'),
    attempt: fc.integer({ min: 1, max: 3 }),
    dueAt: fc.integer({ min: 0, max: 40_000 }),
    at: fc.integer({ min: 0, max: 2 * HOLD }),
    from: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
  }) as fc.Arbitrary<LedgerEntry>;
  const anyStory = fc.array(anyEntry, { maxLength: 30 });

  test('nobody else gets the id of a message that waits', () => {
    fc.assert(
      fc.property(anyStory, anyEntry, (story, next) => {
        const before = play(...story);
        const waits = ['scheduled', 'retrying'].includes(before.record?.status ?? '');
        const delivery = before.record?.delivery;
        fc.pre(waits && next.delivery !== delivery);
        const after = play(...story, next);
        const claimant = before.claim?.delivery === next.delivery && next.kind === 'rescheduled';
        expect(after.record?.delivery).toBe(claimant ? next.delivery : delivery);
      }),
    );
  });

  test('an entry that is written twice changes nothing the second time, but where the message is read', () => {
    fc.assert(
      fc.property(anyStory, anyEntry, (story, next) => {
        const once = play(...story, next);
        fc.pre(once.last === 'taken');
        const twice = play(...story, next, next);
        const still = (record: LedgerRecord | undefined) => record && { ...summary(record), offset: 0 };
        expect(still(twice.record)).toEqual(still(once.record));
        expect(twice.claim).toEqual(once.claim);
        expect(twice.last).toBe(next.kind === 'claimed' ? 'taken' : 'repeated');
      }),
    );
  });

  test('no delivery is due later than the latest, and what is void stays so', () => {
    fc.assert(
      fc.property(anyStory, anyEntry, (story, next) => {
        const before = play(...story).record;
        const after = play(...story, next);
        if (after.record) expect(after.record.latestDueAt).toBeGreaterThanOrEqual(after.record.dueAt);
        if (after.record && before && next.kind !== 'accepted') {
          expect(after.record.latestDueAt).toBeGreaterThanOrEqual(before.latestDueAt);
          expect(after.record.voided).toBeGreaterThanOrEqual(before.voided);
        }
      }),
    );
  });
});

function summary(record: LedgerRecord) {
  const { status, dueAt, attempt, delivery, acceptedAt, firstDueAt, key, fingerprint } = record;
  const { error, voided, latestDueAt } = record;
  return {
    ...{ status, dueAt, attempt, delivery, acceptedAt, firstDueAt, key, fingerprint },
    ...{ error, voided, latestDueAt, timeline: timelineOf(record) },
  };
}
