/** Changes to messages that came from another broker, whose ledger was copied behind what this one has already. */
import { createCancellation } from '../../src/changes/cancellation';
import type { LedgerEntry } from '../../src/ledger/entry';
import { FINAL, movedRevision } from '../../src/verdicts/entry';
import { createMemoryLedger } from '../memory-ledger';

const NOW = 1_800_000_000_000;
const clock = () => NOW;
const DUE_AT = NOW + 60_000;

let memory: ReturnType<typeof createMemoryLedger>;

/** An entry as it is copied from this offset of the old broker. */
const copied = (offset: number, kind: LedgerEntry['kind'], delivery: string) =>
  memory.ledger.settle({
    ...{ kind, id: 'x', to: 'orders', delivery, attempt: 1, dueAt: DUE_AT, at: NOW },
    revision: movedRevision(offset),
  });
const give = (revision: number) =>
  memory.verdicts.give('x', { revision, valid: null, until: DUE_AT, voids: 1 });
const isVoid = (delivery: string, revision?: number) =>
  memory.verdicts.isVoid({ id: 'x', delivery, ...(revision !== undefined && { revision }) });

/** The id `x` was cancelled on the old broker, and then used again by the delivery `b`. */
beforeEach(async () => {
  memory = createMemoryLedger({ clock, idHoldMs: -FINAL });
  await give(movedRevision(5_000_010));
  await copied(5_000_001, 'accepted', 'a');
  await copied(5_000_010, 'cancelled', 'a');
  await copied(5_000_020, 'claimed', 'b');
  await copied(5_000_021, 'accepted', 'b');
});
const b = movedRevision(5_000_020);

test('a verdict of the old broker concerns what it concerned there', () => {
  expect([isVoid('a'), isVoid('b', b)]).toEqual([true, false]);
});

test('the copied ledger leads to no verdict that was not given before', async () => {
  await memory.owed.give('x');
  expect(memory.verdicts.given).toHaveLength(1);
  expect(isVoid('b', b)).toBe(false);
});

test('a verdict that the old broker still owed is given with its place among the others', async () => {
  memory = createMemoryLedger({ clock });
  await copied(7, 'accepted', 'a');
  await copied(8, 'cancelled', 'a');
  await memory.owed.give('x');
  expect(memory.verdicts.given).toMatchObject([{ revision: movedRevision(8), valid: null }]);
});

test('a cancel on the new broker counts, however much further the old ledger was', async () => {
  await createCancellation({ ...memory, clock, guardMs: 1_000 }).cancel('x');
  expect(isVoid('b', b)).toBe(true);
});
