import { createRevisions } from '../../src/ledger/revisions';

const NONE = () => Number.NEGATIVE_INFINITY;

test('an entry has its offset as revision', () => {
  const revisions = createRevisions(NONE);
  expect([0, 1, 5].map((offset) => revisions.next({}, offset))).toEqual([0, 1, 5]);
  expect(revisions.ahead()).toBe(0);
});

test('one that was copied from another broker has the revision that it says, and changes nothing for others', () => {
  const revisions = createRevisions(() => -40);
  expect(revisions.next({ revision: -50 }, 0)).toBe(-50);
  expect(revisions.ahead()).toBe(0);
  expect(revisions.next({}, 1)).toBe(1);
});

test('in a stream that begins anew, what is written comes above the verdicts that there are', () => {
  const revisions = createRevisions(() => 1_000);
  const first = revisions.ahead();
  expect(revisions.next({ ahead: first }, 0)).toBe(1_001);
  expect(revisions.next({}, 1)).toBe(1_002);
  expect(revisions.ahead()).toBe(first);
});

test('it does so in the middle as well', () => {
  const revisions = createRevisions(() => 1_000);
  revisions.next({}, 7);
  expect(revisions.next({ ahead: revisions.ahead() }, 8)).toBe(1_001);
});

test('in a stream that is renewed while it is read, it comes above all that was read before', () => {
  const revisions = createRevisions(NONE);
  revisions.next({}, 500);
  revisions.renewed();
  expect(revisions.next({ ahead: revisions.ahead() }, 0)).toBe(501);
});

test('two readers of the same entries come to the same revisions, whatever verdicts they know', () => {
  const [knows, learns] = [createRevisions(() => 1_000), createRevisions(NONE)];
  const entries = [{ ahead: knows.ahead() }, {}, { ahead: 3 }, {}];
  const ranks = ({ next }: typeof knows) => entries.map((entry, offset) => next(entry, offset));
  const ranked = ranks(knows);
  expect(ranks(learns)).toEqual(ranked);
  expect(ranked).toEqual([...ranked].sort((a, b) => a - b));
  expect(learns.ahead()).toBe(knows.ahead());
});
