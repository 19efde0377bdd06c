import { createOwedVerdicts, type Owed } from '../../src/changes/owed-verdicts';
import type { LedgerEntry } from '../../src/ledger/entry';
import type { LedgerRecord } from '../../src/ledger/record';
import { eventually } from '../broker/eventually';
import { recordedLog } from '../broker/world';

const dueAt = Date.now() + 60_000;
const entry: LedgerEntry = {
  kind: 'cancelled',
  id: 'm',
  to: 'orders',
  delivery: 'd',
  attempt: 1,
  dueAt,
  at: 0,
};
const record = { status: 'cancelled', delivery: 'd', latestDueAt: dueAt, voided: 0 } as LedgerRecord;

test('a verdict that was confirmed and never got into the stream is given again', async () => {
  const given: Owed[] = [];
  const owed = createOwedVerdicts({
    verdicts: {
      give: async (_, verdict) => void given.push(verdict),
      revisionOf: () => given[1]?.revision,
      caughtUp: () => true,
    },
    clock: Date.now,
    logger: recordedLog(),
  });
  owed.note(entry, { effect: 'taken', offset: 7, revision: 7 }, record);
  await owed.give('m');
  expect(given).toHaveLength(1);
  await eventually(() => expect(given).toHaveLength(2));
  expect(given).toEqual(Array(2).fill({ revision: 7, valid: null, until: dueAt, voids: 1 }));
  await owed.give('m');
  expect(given).toHaveLength(2);
  owed.close();
});
