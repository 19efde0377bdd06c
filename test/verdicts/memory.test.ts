import { FINAL, messageKey, type Verdict } from '../../src/verdicts/entry';
import { createVerdictMemory, type VerdictMemory } from '../../src/verdicts/memory';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DUE_AT = 1_000 * DAY_MS;

let now: number;
let memory: VerdictMemory;
beforeEach(() => {
  now = DUE_AT - DAY_MS;
  memory = createVerdictMemory(() => now);
});

const a = messageKey('a');
const give = (verdict: Partial<Verdict> = {}, writtenAt = now) =>
  memory.note(
    { kind: 'verdict', message: a, revision: 1, valid: null, until: DUE_AT, voids: 1, ...verdict },
    writtenAt,
  );
const drop = (...messages: string[]) => memory.note({ kind: 'dropped', messages }, now);
/** Looks at all of them, once from beginning to end wherever the last round had got to. */
const forget = () => {
  for (let i = 0; i < 3; i++) memory.forgetSome(1_000);
};

test('of a cancelled message no delivery counts, of a rescheduled one the new delivery', () => {
  expect(memory.isVoid(a, 'd1')).toBe(false);
  give({ valid: 'd2' });
  expect([memory.isVoid(a, 'd1'), memory.isVoid(a, 'd2')]).toEqual([true, false]);
  give({ revision: 2 });
  expect([memory.isVoid(a, 'd1'), memory.isVoid(a, 'd2')]).toEqual([true, true]);
  expect(memory.isVoid(messageKey('b'), 'd1')).toBe(false);
});

test('a delivery that came about later than a verdict is not its concern', () => {
  give({ revision: 5, valid: 'd2' });
  expect([memory.isVoid(a, 'd3', 6), memory.isVoid(a, 'd3', 4), memory.isVoid(a, 'd3')]).toEqual([
    false,
    true,
    true,
  ]);
  give({ revision: 7 });
  expect(memory.isVoid(a, 'd3', 6)).toBe(true);
});

test('the verdict of the highest revision stands, in whatever order they come', () => {
  give({ revision: 5, valid: null });
  give({ revision: 3, valid: 'd2' });
  expect([memory.isVoid(a, 'd2'), memory.revisionOf(a)]).toEqual([true, 5]);
});

test('the highest revision is that of any verdict so far, but for those that nothing can overrule', () => {
  expect(memory.highestRevision()).toBe(Number.NEGATIVE_INFINITY);
  give({ revision: -5 });
  give({ revision: 7 });
  give({ revision: 6, message: messageKey('b') });
  give({ revision: FINAL, message: messageKey('c') });
  expect(memory.highestRevision()).toBe(7);
});

test.each<[string, number, number, boolean]>([
  ['dropped, until copies of it can come no more', 1, HOUR_MS - 1_000, true],
  ['dropped, and then forgotten', 1, HOUR_MS + 1_000, false],
  ['not dropped yet, though due long ago', 0, 29 * DAY_MS, true],
  ['never dropped, in the end', 0, 31 * DAY_MS, false],
])('a verdict is kept while it is needed: %s', (_, drops, afterMs, kept) => {
  give();
  for (let i = 0; i < drops; i++) drop(a);
  now = DUE_AT + afterMs;
  forget();
  expect(memory.size()).toBe(kept ? 1 : 0);
});

test('of two void deliveries both have to be dropped', () => {
  give({ voids: 2 });
  drop(a);
  now = DUE_AT + 2 * HOUR_MS;
  forget();
  expect(memory.size()).toBe(1);
  drop(a, messageKey('unknown'));
  forget();
  expect(memory.size()).toBe(0);
});

test('a later verdict does not shorten the time for which what came before is void', () => {
  give({ until: DUE_AT + DAY_MS });
  give({ revision: 2, until: DUE_AT });
  drop(a);
  now = DUE_AT + 12 * HOUR_MS;
  forget();
  expect(memory.size()).toBe(1);
});

test('those to be written again are the ones written before, and what was written again is not', () => {
  give({}, now - 2 * HOUR_MS);
  give({ message: messageKey('b') }, now);
  const due = () => [...memory.writtenBefore(now - HOUR_MS)];
  expect(due()).toEqual([{ message: a, revision: 1, valid: null, until: DUE_AT, voids: 1 }]);
  give({}, now);
  expect(due()).toEqual([]);
});

test('written again it still has as many to be dropped as are left', () => {
  give({ voids: 2 }, now - 2 * HOUR_MS);
  drop(a);
  expect([...memory.writtenBefore(now)]).toMatchObject([{ voids: 1 }]);
  give({ voids: 2 });
  expect([...memory.writtenBefore(now + HOUR_MS)]).toMatchObject([{ voids: 1 }]);
});

test('forgetting in small portions comes round to everything', () => {
  for (let i = 0; i < 100; i++) give({ message: messageKey(String(i)), voids: 0 });
  now = DUE_AT + 2 * HOUR_MS;
  for (let i = 0; i < 30; i++) memory.forgetSome(7);
  expect(memory.size()).toBe(0);
});
