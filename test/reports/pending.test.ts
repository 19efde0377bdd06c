import type { LedgerEntry } from '../../src/ledger/entry';
import { createLedgerView } from '../../src/ledger/view';
import { countPending } from '../../src/reports/pending';

const HOUR_MS = 3_600_000;
const FROM = Date.parse('2026-11-25T00:00:00Z');

function viewOf(entries: readonly Partial<LedgerEntry>[]) {
  const view = createLedgerView({ limit: 10_000, idHoldMs: 0, clock: () => FROM });
  entries.forEach((fields, offset) => {
    const id = fields.id ?? `m${offset}`;
    const base = {
      kind: 'accepted',
      id,
      to: 'orders',
      delivery: id,
      attempt: 1,
      dueAt: FROM,
      at: 0,
    } as const;
    view.apply({ ...base, ...fields }, offset);
  });
  return view;
}

test('what is due within a day counts, by target and by hour', async () => {
  const view = viewOf([
    { dueAt: FROM - 1 },
    { dueAt: FROM },
    { dueAt: FROM + HOUR_MS - 1, to: 'emails' },
    { dueAt: FROM + HOUR_MS },
    { dueAt: FROM + 24 * HOUR_MS - 1, kind: 'retried', attempt: 2 },
    { dueAt: FROM + 24 * HOUR_MS },
  ]);
  const hours = [2, 1, ...Array(21).fill(0), 1];
  expect(await countPending(view, FROM)).toEqual({
    from: FROM,
    messages: 4,
    targets: { orders: 3, emails: 1 },
    hours,
  });
  expect(await countPending(view, FROM, ['emails', 'relay'])).toMatchObject({
    messages: 1,
    targets: { emails: 1 },
  });
});

test.each(['handled', 'parked', 'cancelled'] as const)('what was %s does not', async (kind) => {
  const due = { id: 'm', dueAt: FROM + 1 };
  expect((await countPending(viewOf([due, { ...due, kind }]), FROM)).messages).toBe(0);
});

test('however many there are, each counts once, also when more come meanwhile', async () => {
  const due = (i: number) => ({ dueAt: FROM + i * 10_000 });
  const view = viewOf(Array.from({ length: 3_500 }, (_, i) => due(i)));
  const counting = countPending(view, FROM);
  const late = { kind: 'accepted', to: 'orders', attempt: 1, at: 0, dueAt: FROM + 23 * HOUR_MS } as const;
  view.apply({ ...late, id: 'late', delivery: 'late' }, 3_500);
  const { messages, hours } = await counting;
  expect(messages).toBe(3_501);
  expect(hours[0]).toBe(360);
});
