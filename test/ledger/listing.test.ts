import fc from 'fast-check';
import type { LedgerEntry } from '../../src/ledger/entry';
import { createListing, type ListFilter, type Listing } from '../../src/ledger/listing';
import { type LedgerRecord, PENDING, type Place, type RecordStatus, STATUSES } from '../../src/ledger/record';
import { ruleOn } from '../../src/ledger/rules';

interface Fields extends Place {
  readonly to: string;
  readonly status: RecordStatus;
  readonly key?: string | undefined;
}

function newRecord({ id, to, dueAt, status, key }: Fields): LedgerRecord {
  const entry = { kind: 'accepted', id, to, delivery: id, attempt: 1, dueAt, at: 0, ...(key && { key }) };
  const { fresh } = ruleOn(entry as LedgerEntry, 0, { record: undefined, claim: undefined, idHoldMs: 0 });
  return Object.assign(fresh as LedgerRecord, { status });
}

function listingOf(...all: Fields[]): Listing {
  const listing = createListing();
  for (const fields of all) listing.add(newRecord(fields));
  return listing;
}

const ids = (records: readonly Place[]) => records.map(({ id }) => id);
const byPlace = (a: Place, b: Place) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1);

const FIVE: readonly Fields[] = [
  { id: 'e', to: 'orders', dueAt: 10, status: 'scheduled' },
  { id: 'd', to: 'emails', dueAt: 20, status: 'parked', key: 'k' },
  { id: 'c', to: 'orders', dueAt: 20, status: 'handled', key: 'k' },
  { id: 'b', to: 'orders', dueAt: 30, status: 'scheduled', key: 'l' },
  { id: 'a', to: 'emails', dueAt: 40, status: 'retrying', key: 'k' },
];

describe('a page', () => {
  test.each<[string, Partial<ListFilter>, string[]]>([
    ['of everything: the soonest first, by id at the same time', {}, ['e', 'c', 'd', 'b', 'a']],
    ['of a target', { to: 'orders' }, ['e', 'c', 'b']],
    ['of a target that there is not', { to: 'sms' }, []],
    ['of a status', { status: 'scheduled' }, ['e', 'b']],
    ['of several statuses', { status: PENDING }, ['e', 'b', 'a']],
    ['of a target and a status', { to: 'emails', status: 'parked' }, ['d']],
    ['of a key', { key: 'k' }, ['c', 'd', 'a']],
    ['of a key that one message has', { key: 'l' }, ['b']],
    ['of a key that there is not', { key: 'm' }, []],
    ['of a key, a target and a status', { key: 'k', to: 'emails', status: 'retrying' }, ['a']],
    ['from a time on, which is part of it', { dueAfter: 20 }, ['c', 'd', 'b', 'a']],
    ['up to a time, which is no part of it', { dueBefore: 20 }, ['e']],
    ['between two times', { dueAfter: 11, dueBefore: 40, key: 'k' }, ['c', 'd']],
    ['after a place', { after: { dueAt: 20, id: 'c' } }, ['d', 'b', 'a']],
    ['after a place that no message has', { after: { dueAt: 20, id: 'cc' } }, ['d', 'b', 'a']],
    ['after a place before the time', { after: { dueAt: 10, id: 'e' }, dueAfter: 30 }, ['b', 'a']],
    ['of a single key, after it', { key: 'l', after: { dueAt: 30, id: 'b' } }, []],
  ])('%s', (_name, filter, expected) => {
    const page = listingOf(...FIVE).page({ limit: 10, ...filter });
    expect(ids(page.records)).toEqual(expected);
    expect(page.next).toBeUndefined();
  });

  test('says where the next one begins, unless it is the last', () => {
    const listing = listingOf(...FIVE);
    const first = listing.page({ limit: 3 });
    expect([ids(first.records), first.next]).toEqual([['e', 'c', 'd'], { dueAt: 20, id: 'd' }]);
    const second = listing.page({ limit: 2, after: first.next });
    expect([ids(second.records), second.next]).toEqual([['b', 'a'], undefined]);
  });
});

test('what is scheduled becomes due by the clock, and nothing else does', () => {
  const listing = listingOf(...FIVE);
  listing.promote(29);
  expect(ids(listing.page({ status: 'due', limit: 10 }).records)).toEqual(['e']);
  listing.promote(40);
  expect(ids(listing.page({ status: 'due', limit: 10 }).records)).toEqual(['e', 'b']);
  expect(listing.page({ status: 'scheduled', limit: 10 }).records).toEqual([]);
  expect(listing.counts().emails).toMatchObject({ due: 0, parked: 1, retrying: 1 });
});

test('targets whose records are gone count zero', () => {
  const listing = createListing();
  const record = newRecord({ id: 'a', to: 'orders', dueAt: 1, status: 'handled' });
  listing.add(record);
  listing.remove(record);
  expect(Object.values(listing.counts().orders ?? {})).toEqual(STATUSES.map(() => 0));
});

test('all records of a target share its name', () => {
  const listing = createListing();
  const name = () => Buffer.from('orders').toString();
  const records = ['a', 'b'].map((id) => newRecord({ id, to: name(), dueAt: 1, status: 'due' }));
  for (const record of records) listing.add(record);
  expect(records[0]?.to).toBe(records[1]?.to);
  expect(listing.page({ to: name(), limit: 2 }).records).toEqual(records);
});

/** Whatever is done to a listing, against a plain array that is sorted and filtered as a whole. */
describe('for any records and changes', () => {
  const status = fc.constantFrom(...STATUSES);
  const to = fc.constantFrom('orders', 'emails', 'webhooks');
  const key = fc.option(fc.constantFrom('k', 'l', 'm'), { nil: undefined });
  const dueAt = fc.integer({ min: 0, max: 60 });
  const id = fc.integer({ min: 0, max: 150 }).map((number) => `id-${number}`);
  const act = fc.record({
    what: fc.constantFrom('add', 'add', 'change', 'relabel', 'remove'),
    ...{ id, to, status, key, dueAt },
  });
  const acts = fc.array(act, { maxLength: 200, size: 'max' });
  const filter = fc.record(
    {
      to,
      key: fc.constantFrom('k', 'l', 'none'),
      status: fc.oneof(status, fc.uniqueArray(status)),
      dueAfter: dueAt,
      dueBefore: dueAt,
      after: fc.record({ dueAt, id }),
    },
    { requiredKeys: [] },
  );

  function run(actions: readonly (Fields & { readonly what: string })[]) {
    const listing = createListing();
    const records = new Map<string, LedgerRecord>();
    for (const { what, ...fields } of actions) {
      const present = records.get(fields.id);
      if (present && what === 'remove') {
        listing.remove(present);
        records.delete(present.id);
      } else if (present && what === 'change') {
        listing.change(present, { status: fields.status, dueAt: fields.dueAt });
      } else if (present) {
        listing.change(present, { status: fields.status, key: fields.key });
      } else {
        const record = newRecord(fields);
        listing.add(record);
        records.set(record.id, record);
      }
    }
    return { listing, sorted: [...records.values()].sort(byPlace) };
  }

  const matching = (sorted: readonly LedgerRecord[], wanted: Partial<ListFilter>) => {
    const { after, dueAfter = 0, dueBefore = Number.POSITIVE_INFINITY } = wanted;
    return sorted.filter((record) => {
      if (wanted.to !== undefined && record.to !== wanted.to) return false;
      if (wanted.key !== undefined && record.key !== wanted.key) return false;
      if (wanted.status !== undefined && ![wanted.status].flat().includes(record.status)) return false;
      if (after && byPlace(record, after) < 0) return false;
      if (after && record.id === after.id && record.dueAt === after.dueAt) return false;
      return record.dueAt >= dueAfter && record.dueAt < dueBefore;
    });
  };

  test('a page is what matches, in order, and says whether there is more', () => {
    fc.assert(
      fc.property(acts, filter, fc.integer({ min: 1, max: 20 }), (actions, wanted, limit) => {
        const { listing, sorted } = run(actions);
        const expected = matching(sorted, wanted);
        const { records, next } = listing.page({ ...wanted, limit });
        expect(ids(records)).toEqual(ids(expected.slice(0, limit)));
        const last = records.at(-1);
        expect(next).toEqual(expected.length > limit ? { dueAt: last?.dueAt, id: last?.id } : undefined);
      }),
    );
  });

  test('page after page gives each record once', () => {
    fc.assert(
      fc.property(acts, filter, fc.integer({ min: 1, max: 7 }), (actions, { after: _, ...wanted }, limit) => {
        const { listing, sorted } = run(actions);
        const seen: string[] = [];
        let after: Place | undefined;
        do {
          const { records, next } = listing.page({ ...wanted, limit, after });
          seen.push(...ids(records));
          after = next;
        } while (after);
        expect(seen).toEqual(ids(matching(sorted, wanted)));
      }),
    );
  });

  test('the first, the last and the counts are right', () => {
    fc.assert(
      fc.property(acts, fc.uniqueArray(status, { minLength: 1 }), (actions, statuses) => {
        const { listing, sorted } = run(actions);
        const expected = matching(sorted, { status: statuses });
        expect(listing.first(statuses)).toBe(expected[0]);
        expect(listing.last(statuses)).toBe(expected.at(-1));
        for (const [target, counts] of Object.entries(listing.counts())) {
          for (const each of STATUSES) {
            expect(counts[each]).toBe(matching(sorted, { to: target, status: each }).length);
          }
        }
      }),
    );
  });
});
