/**
 * The records in order: by target and status, and by key. A tree finds a record by what the record says of itself, so
 * whatever changes one goes through here.
 */
import BTree from 'sorted-btree';
import { type LedgerRecord, type Place, type RecordChange, type RecordStatus, STATUSES } from './record';

/** Which records to list; what is left out does not matter. */
export interface ListFilter {
  /** A target. */
  readonly to?: string | undefined;
  readonly status?: RecordStatus | readonly RecordStatus[] | undefined;
  /** The caller's label. All records with it are gone through, whatever else is asked for. */
  readonly key?: string | undefined;
  /** Due at this time or later, in milliseconds since the epoch. */
  readonly dueAfter?: number | undefined;
  /** Due earlier than this time, in milliseconds since the epoch. */
  readonly dueBefore?: number | undefined;
  /** Records at most, from 1. */
  readonly limit: number;
  /** Only what comes after this place; the `next` of the page before. */
  readonly after?: Place | undefined;
}

/** Part of a list, the soonest due first. */
export interface Page {
  /** The records themselves: the next entry may change them. */
  readonly records: LedgerRecord[];
  /** Where the list goes on; not there at its end. */
  readonly next?: Place;
}

/** How many records there are of each status. */
export type StatusCounts = Readonly<Record<RecordStatus, number>>;

/** All records, in order. */
export interface Listing {
  add(record: LedgerRecord): void;
  remove(record: LedgerRecord): void;
  /** Changes a record that was added. */
  change(record: LedgerRecord, change: RecordChange): void;
  /** Makes due whatever is scheduled for this time or earlier. */
  promote(now: number): void;
  page(filter: ListFilter): Page;
  /** The one of these statuses that comes first in order. */
  first(statuses: readonly RecordStatus[]): LedgerRecord | undefined;
  /** The one of these statuses that comes last in order. */
  last(statuses: readonly RecordStatus[]): LedgerRecord | undefined;
  /** By target; one whose records are gone counts zero. */
  counts(): Readonly<Record<string, StatusCounts>>;
}

type Tree = BTree<LedgerRecord, undefined>;

/** A target's records. */
interface Target {
  /** The one string that all of them share. */
  readonly to: string;
  readonly trees: Readonly<Record<RecordStatus, Tree>>;
}

/** An empty listing. */
export function createListing(): Listing {
  const targets = new Map<string, Target>();
  const keys = createKeys();

  const targetOf = (to: string): Target => {
    const present = targets.get(to);
    if (present) return present;
    const target = { to, trees: byStatus(() => newTree()) };
    targets.set(to, target);
    return target;
  };

  const treesOf = (statuses: readonly RecordStatus[], to?: string): Tree[] => {
    const found = to === undefined ? [...targets.values()] : [targets.get(to)];
    return found.flatMap((target) => (target ? statuses.map((status) => target.trees[status]) : []));
  };

  const change: Listing['change'] = (record, changed) => {
    const { dueAt = record.dueAt, status = record.status } = changed;
    const moves = dueAt !== record.dueAt;
    const resorted = moves || status !== record.status;
    const relabelled = moves || ('key' in changed && changed.key !== record.key);
    const { trees } = targetOf(record.to);
    if (resorted) trees[record.status].delete(record);
    if (relabelled) keys.remove(record);
    Object.assign(record, changed);
    if (resorted) trees[status].set(record, undefined);
    if (relabelled) keys.add(record);
  };

  return {
    change,
    add(record) {
      const { to, trees } = targetOf(record.to);
      Object.assign(record, { to });
      trees[record.status].set(record, undefined);
      keys.add(record);
    },
    remove(record) {
      targetOf(record.to).trees[record.status].delete(record);
      keys.remove(record);
    },
    promote(now) {
      for (const { trees } of targets.values()) {
        for (;;) {
          const record = trees.scheduled.minKey();
          if (!record || record.dueAt > now) break;
          change(record, { status: 'due' });
        }
      }
    },
    page(filter) {
      const { to, status = STATUSES, key } = filter;
      const statuses = [status].flat();
      if (key === undefined) return pageOf(merged(treesOf(statuses, to), startOf(filter)), filter);
      return pageOf(keys.from(key, startOf(filter)), filter, (record) => {
        return (to === undefined || record.to === to) && statuses.includes(record.status);
      });
    },
    first(statuses) {
      let first: LedgerRecord | undefined;
      for (const { trees } of targets.values()) {
        for (const status of statuses) {
          const record = trees[status].minKey();
          if (record && (!first || inOrder(record, first) < 0)) first = record;
        }
      }
      return first;
    },
    last(statuses) {
      let last: LedgerRecord | undefined;
      for (const { trees } of targets.values()) {
        for (const status of statuses) {
          const record = trees[status].maxKey();
          if (record && (!last || inOrder(record, last) > 0)) last = record;
        }
      }
      return last;
    },
    counts: () =>
      Object.fromEntries(
        [...targets.values()].map(({ to, trees }) => [to, byStatus((status) => trees[status].size)]),
      ),
  };
}

/** The records that share a key. Most keys have one only, and one needs no tree. */
function createKeys() {
  const labelled = new Map<string, LedgerRecord | Tree>();
  return {
    add(record: LedgerRecord) {
      if (record.key === undefined) return;
      const present = labelled.get(record.key);
      if (present instanceof BTree) present.set(record, undefined);
      else if (present) labelled.set(record.key, newTree(present, record));
      else labelled.set(record.key, record);
    },
    remove(record: LedgerRecord) {
      if (record.key === undefined) return;
      const present = labelled.get(record.key);
      if (present instanceof BTree) present.delete(record);
      if (present === record || (present instanceof BTree && present.isEmpty)) labelled.delete(record.key);
    },
    from(key: string, place: Place): Iterable<LedgerRecord> {
      const present = labelled.get(key);
      if (present instanceof BTree) return keysFrom(present, place);
      return present && inOrder(present, place) >= 0 ? [present] : [];
    },
  };
}

/** Of records in order, those that match, from after the place that the page begins after. */
function pageOf(
  sorted: Iterable<LedgerRecord>,
  { after, dueBefore = Number.POSITIVE_INFINITY, limit }: ListFilter,
  matches: (record: LedgerRecord) => boolean = () => true,
): Page {
  const records: LedgerRecord[] = [];
  for (const record of sorted) {
    if (record.dueAt >= dueBefore) break;
    if ((after && inOrder(record, after) <= 0) || !matches(record)) continue;
    const last = records.at(-1);
    if (last && records.length >= limit) return { records, next: { dueAt: last.dueAt, id: last.id } };
    records.push(record);
  }
  return { records };
}

/** No id is empty: this comes before all that is due at the same time. */
function startOf({ after, dueAfter = Number.NEGATIVE_INFINITY }: ListFilter): Place {
  return after && after.dueAt >= dueAfter ? after : { dueAt: dueAfter, id: '' };
}

/** The records of several trees as one list, in order. */
function* merged(trees: readonly Tree[], place: Place): Iterable<LedgerRecord> {
  const heads = trees.flatMap((tree) => {
    const rest = keysFrom(tree, place);
    const { value: record } = rest.next();
    return record ? [{ record, rest }] : [];
  });
  for (let [soonest] = heads; soonest; [soonest] = heads) {
    for (const head of heads) if (inOrder(head.record, soonest.record) < 0) soonest = head;
    yield soonest.record;
    const { value: next } = soonest.rest.next();
    if (next) soonest.record = next;
    else heads.splice(heads.indexOf(soonest), 1);
  }
}

function keysFrom(tree: Tree, place: Place): IterableIterator<LedgerRecord> {
  // Trees look at nothing but the place of what they are asked for.
  return tree.keys(place as LedgerRecord);
}

function newTree(...records: LedgerRecord[]): Tree {
  return new BTree<LedgerRecord, undefined>(
    records.map((record) => [record, undefined]),
    inOrder,
  );
}

function inOrder(a: Place, b: Place): number {
  if (a.dueAt !== b.dueAt) return a.dueAt - b.dueAt;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

function byStatus<Value>(of: (status: RecordStatus) => Value): Readonly<Record<RecordStatus, Value>> {
  return {
    scheduled: of('scheduled'),
    due: of('due'),
    retrying: of('retrying'),
    handled: of('handled'),
    parked: of('parked'),
    cancelled: of('cancelled'),
  };
}
