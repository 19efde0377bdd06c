import fc from 'fast-check';
import type { EntryKind, LedgerEntry } from '../../src/ledger/entry';
import { type LedgerRecord, STATUSES } from '../../src/ledger/record';
import { CLAIM_MS } from '../../src/ledger/rules';
import { timelineOf } from '../../src/ledger/timeline';
import { createLedgerView, type LedgerView } from '../../src/ledger/view';

const HOLD = 1_000;
/** Due times below count from here. */
const NOW = 1_000_000;

const entry = (kind: EntryKind, id: string, rest: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ kind, id, to: 'orders', delivery: id, attempt: 1, dueAt: NOW + 1, at: NOW },
  ...rest,
});

function newView(limit = 100, now = () => NOW): LedgerView {
  return createLedgerView({ limit, idHoldMs: HOLD, clock: now });
}

/** Applies entries in order, with the offset that each one has among them. */
function apply(view: LedgerView, ...entries: LedgerEntry[]) {
  return entries.map((next, offset) => view.apply(next, offset));
}

const ids = (records: readonly LedgerRecord[]) => records.map(({ id }) => id);
const listed = (view: LedgerView) => ids(view.list({ limit: 1_000 }).records);

describe('what is due', () => {
  test('is so by the clock, however it is looked at', () => {
    let now = NOW;
    const looks: ((view: LedgerView) => unknown)[] = [
      (view) => view.get('a')?.status,
      (view) => view.list({ limit: 1 }).records[0]?.status,
      (view) => view.nextDue(1)[0]?.status,
      (view) => (view.counts().orders?.due === 1 ? 'due' : 'scheduled'),
    ];
    for (const look of looks) {
      now = NOW;
      const view = newView(100, () => now);
      apply(view, entry('accepted', 'a', { dueAt: NOW + 5 }));
      now = NOW + 4;
      expect(look(view)).toBe('scheduled');
      now = NOW + 5;
      expect(look(view)).toBe('due');
    }
  });

  test('is no longer so once it is moved to a later time', () => {
    const view = newView();
    apply(view, entry('accepted', 'a', { dueAt: NOW }));
    expect(view.get('a')?.status).toBe('due');
    apply(view, entry('claimed', 'a', { delivery: 'b', from: 'a' }));
    apply(view, entry('rescheduled', 'a', { delivery: 'b', dueAt: NOW + 9 }));
    expect(view.get('a')).toMatchObject({ status: 'scheduled', dueAt: NOW + 9 });
    expect(view.counts().orders).toMatchObject({ scheduled: 1, due: 0 });
  });

  test('comes next before what is not, and what has ended does not', () => {
    const view = newView();
    apply(
      view,
      entry('accepted', 'later', { dueAt: NOW + 3 }),
      entry('accepted', 'due', { dueAt: NOW - 1, to: 'emails' }),
      entry('retried', 'again', { dueAt: NOW + 2, attempt: 2 }),
      entry('handled', 'over', { dueAt: NOW }),
    );
    expect(ids(view.nextDue(2))).toEqual(['due', 'again']);
    expect(ids(view.nextDue(9))).toEqual(['due', 'again', 'later']);
  });
});

test('an id is held while its message waits, and for a while after its due time', () => {
  const view = newView();
  apply(
    view,
    entry('accepted', 'waits'),
    entry('accepted', 'over', { dueAt: NOW }),
    entry('handled', 'over', { dueAt: NOW }),
  );
  expect(view.isHeld('waits', NOW + 10 * HOLD)).toBe(true);
  expect(view.isHeld('over', NOW + HOLD - 1)).toBe(true);
  expect(view.isHeld('over', NOW + HOLD)).toBe(false);
  expect(view.isHeld('nobody', NOW)).toBe(false);
});

describe('claims', () => {
  test('are known while they are live', () => {
    const view = newView();
    expect(apply(view, entry('claimed', 'a', { delivery: 'x' }))).toEqual(['taken']);
    expect(view.claimOf('a', NOW + CLAIM_MS - 1)).toMatchObject({ delivery: 'x', at: NOW });
    expect(view.claimOf('a', NOW + CLAIM_MS)).toBeUndefined();
    expect(view.get('a')).toBeUndefined();
    apply(view, entry('accepted', 'a', { delivery: 'x' }));
    expect(view.claimOf('a', NOW)).toBeUndefined();
  });

  test('are forgotten when they are ten minutes old and there are new ones', () => {
    const at = NOW + 600_000;
    const cases = [
      [at - 1, 'taken'],
      [at, 'lost'],
    ] as const;
    for (const [newAt, applied] of cases) {
      const view = newView();
      apply(view, entry('accepted', 'a'), entry('claimed', 'a', { delivery: 'x', from: 'a' }));
      apply(view, entry('claimed', 'new', { at: newAt }));
      expect(apply(view, entry('rescheduled', 'a', { delivery: 'x', at }))).toEqual([applied]);
    }
  });
});

describe('with no room left', () => {
  test('finished messages go first, those that hold no id before all others, parked ones last; then what is due last', () => {
    const view = newView(7);
    apply(
      view,
      entry('accepted', 'waits', { dueAt: NOW - 9 * HOLD }),
      entry('accepted', 'waits longer', { dueAt: NOW + 9 * HOLD }),
      entry('parked', 'parked', { dueAt: NOW - 1 }),
      entry('cancelled', 'cancelled', { dueAt: NOW + 2 }),
      entry('handled', 'handled', { dueAt: NOW + 1 }),
      entry('parked', 'released second', { dueAt: NOW - HOLD }),
      entry('handled', 'released first', { dueAt: NOW - HOLD - 1 }),
    );
    expect([view.size(), view.evicted(), view.full()]).toEqual([7, 0, true]);
    const order = ['released first', 'released second', 'handled', 'cancelled', 'parked', 'waits longer'];
    for (const [i, next] of order.entries()) {
      expect(view.get(next)).toBeDefined();
      apply(view, entry('accepted', `new ${i}`, { dueAt: NOW + i }));
      expect([next, view.get(next), view.evicted()]).toEqual([next, undefined, i + 1]);
    }
    expect(view.size()).toBe(7);
  });

  test('what comes makes room itself when it is due last', () => {
    const view = newView(1);
    apply(view, entry('accepted', 'sooner'));
    expect(apply(view, entry('accepted', 'later', { dueAt: NOW + 2 }))).toEqual(['taken']);
    expect([listed(view), view.evicted()]).toEqual([['sooner'], 1]);
  });

  test('a message that takes over an id needs none', () => {
    const view = newView(2);
    apply(view, entry('accepted', 'a'), entry('handled', 'a'), entry('accepted', 'b'));
    apply(view, entry('accepted', 'a', { delivery: 'x', at: NOW + 1 + HOLD }));
    expect([view.size(), view.evicted(), view.get('a')?.delivery]).toEqual([2, 0, 'x']);
  });
});

describe('what waits, up to an offset', () => {
  test('is all that the stream has there, and nothing that has ended', () => {
    const view = newView();
    apply(
      view,
      entry('accepted', 'a'),
      entry('accepted', 'b'),
      entry('accepted', 'c'),
      entry('accepted', 'd'),
    );
    view.apply(entry('handled', 'b'), 4);
    view.apply(entry('retried', 'c', { attempt: 2 }), 5);
    expect([...view.pendingUpTo(2)].flat()).toEqual([view.get('a')]);
    expect(ids([...view.pendingUpTo(5)].flat())).toEqual(['a', 'c', 'd']);
  });

  test('comes in slices, between which it may change', () => {
    const view = newView(10_000);
    const all = Array.from({ length: 3_500 }, (_, i) => `id-${String(i).padStart(4, '0')}`);
    apply(view, ...all.map((id, i) => entry('accepted', id, { dueAt: NOW + i })));
    const seen: string[] = [];
    const sizes: number[] = [];
    let offset = all.length;
    for (const slice of view.pendingUpTo(all.length)) {
      sizes.push(slice.length);
      seen.push(...ids(slice));
      // What was seen ends, and something new comes in before and after it.
      for (const { id, dueAt } of [...slice]) view.apply(entry('handled', id, { dueAt }), offset++);
      view.apply(entry('accepted', `new-${offset}`, { dueAt: NOW }), ++offset);
      view.apply(entry('accepted', `new-${offset}`, { dueAt: NOW + 9_999 }), ++offset);
    }
    expect(seen).toEqual(all);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
  });

  test('is one empty slice when there is nothing', () => {
    expect([...newView().pendingUpTo(9)]).toEqual([[]]);
  });
});

describe('for any entries', () => {
  const kinds: EntryKind[] = [
    'accepted',
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
  const anyEntry = fc
    .record({
      kind: fc.constantFrom(...kinds),
      id: fc.integer({ min: 0, max: 30 }).map((number) => `id-${number}`),
      delivery: fc.constantFrom('a', 'a', 'b'),
      to: fc.constantFrom('orders', 'emails'),
      attempt: fc.integer({ min: 1, max: 3 }),
      dueAt: fc.integer({ min: NOW, max: NOW + 3 * HOLD }),
      key: fc.option(fc.constantFrom('k', 'l'), { nil: undefined }),
    })
    .map((fields) => ({ ...fields, ...(fields.kind === 'claimed' && { from: 'a' }) }));
  /** Times of happening go up, as they do but for clocks that disagree. */
  const anyStory = fc
    .array(fc.tuple(anyEntry, fc.integer({ min: 0, max: 50 })), { maxLength: 100, size: 'max' })
    .map((story) => {
      let at = NOW;
      return story.map(([fields, passed]) => {
        at += passed;
        return { ...fields, at } as LedgerEntry;
      });
    });
  const anyLimit = fc.integer({ min: 1, max: 40 });

  const summary = (record: LedgerRecord) => {
    const { id, to, status, dueAt, attempt, delivery, offset, acceptedAt, firstDueAt, key, voided } = record;
    const told = status === 'due' ? 'scheduled' : status;
    return {
      ...{ id, to, dueAt, attempt, delivery, offset, acceptedAt, firstDueAt, key, voided },
      ...{ status: told, latestDueAt: record.latestDueAt, timeline: timelineOf(record) },
    };
  };

  /** Of records that are sorted by due time, the one to make room. */
  const firstToGo = (sorted: readonly LedgerRecord[], at: number) => {
    const finished = sorted.filter(({ status }) => ['handled', 'parked', 'cancelled'].includes(status));
    const released = finished.filter(({ dueAt }) => at >= dueAt + HOLD);
    const held = finished.filter(({ status }) => status !== 'parked');
    return [...released, ...held, ...finished][0] ?? sorted.at(-1);
  };

  test('clocks and reads make no difference to what is known', () => {
    fc.assert(
      fc.property(anyStory, anyLimit, (story, limit) => {
        const still = newView(limit, () => 0);
        let now = NOW;
        const busy = newView(limit, () => {
          now += 40;
          return now;
        });
        for (const [offset, next] of story.entries()) {
          expect(busy.apply(next, offset)).toBe(still.apply(next, offset));
          busy.get(next.id);
          if (offset % 3 === 0) busy.counts();
        }
        const all = (view: LedgerView) => view.list({ limit: 100 }).records.map(summary);
        expect(all(busy)).toEqual(all(still));
        expect(busy.evicted()).toBe(still.evicted());
      }),
    );
  });

  test('all ways of looking show the same records, never more than there is room for', () => {
    fc.assert(
      fc.property(anyStory, anyLimit, (story, limit) => {
        const view = newView(limit);
        for (const [offset, next] of story.entries()) {
          view.apply(next, offset);
          expect(view.size()).toBeLessThanOrEqual(limit);
        }
        const { records } = view.list({ limit: 100 });
        expect(records).toHaveLength(view.size());
        for (const record of records) expect(view.get(record.id)).toBe(record);
        const counts = Object.values(view.counts()).flatMap((each) => STATUSES.map((status) => each[status]));
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(view.size());
        const waiting = records.filter(({ status }) => ['scheduled', 'due', 'retrying'].includes(status));
        expect(view.nextDue(100)).toEqual(waiting);
        expect([...view.pendingUpTo(story.length)].flat()).toEqual(waiting);
        for (const key of ['k', 'l']) {
          expect(view.list({ key, limit: 100 }).records).toEqual(
            records.filter((record) => record.key === key),
          );
        }
      }),
    );
  });

  test('who makes room is the one that matters least', () => {
    fc.assert(
      fc.property(anyStory, anyLimit, (story, limit) => {
        const view = newView(limit);
        const roomy = newView(limit + 1);
        for (const [offset, next] of story.entries()) {
          view.apply(next, offset);
          roomy.apply(next, offset);
          if (view.evicted() === 0) continue;
          const all = roomy.list({ limit: 100 }).records;
          const leaving = firstToGo(all, next.at);
          expect(listed(view)).toEqual(ids(all.filter((record) => record !== leaving)));
          return;
        }
      }),
    );
  });

  test('with room for all, nothing is known of one message that is not known of it alone', () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const together = newView(100);
        for (const [offset, next] of story.entries()) together.apply(next, offset);
        for (const id of new Set(story.map((next) => next.id))) {
          const alone = newView(1);
          for (const [offset, next] of story.entries()) if (next.id === id) alone.apply(next, offset);
          const [a, b] = [together.get(id), alone.get(id)];
          expect(a && summary(a)).toEqual(b && summary(b));
        }
      }),
    );
  });
});
