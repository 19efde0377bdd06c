import { idDueAt } from '../../src/message';
import type { ScheduleEntry } from '../../src/schedules/entry';
import { createScheduleMemory, isSameDefinition, type ScheduleMemory } from '../../src/schedules/memory';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOURLY = { cron: '0 * * * *', to: 'orders', payload: { order_id: 'sweep' } };

let memory: ScheduleMemory;
beforeEach(() => {
  memory = createScheduleMemory();
});

type Put = Extract<ScheduleEntry, { kind: 'schedule' }>;

const put = (at: number, change: Partial<Put> = {}): Put => ({
  ...{ kind: 'schedule', name: 'sweep', revision: idDueAt(at), createdAt: at, putAt: at, definition: HOURLY },
  ...change,
});

const note = (...entries: ScheduleEntry[]) => {
  for (const entry of entries) memory.note(entry, NOW);
};

test('the highest revision of a name stands, in whichever order they come', () => {
  const [first, second] = [put(NOW), put(NOW + 1, { definition: { ...HOURLY, paused: true } })];
  note(second, first);
  expect(memory.get('sweep')).toMatchObject({
    revision: second.revision,
    putAt: NOW + 1,
    definition: { paused: true },
  });
});

test('what is put in the place of another was created when that was', () => {
  note(put(NOW), put(NOW + 5_000));
  expect(memory.get('sweep')).toMatchObject({ createdAt: NOW, putAt: NOW + 5_000 });
});

test('what is deleted is gone, and an older definition that is written again does not bring it back', () => {
  const old = put(NOW);
  note(old, put(NOW + 1, { definition: null }), old);
  expect(memory.get('sweep')).toBeUndefined();
  expect(memory.all()).toEqual([]);
  expect(memory.writtenBefore(NOW + 1)).toEqual([]);
});

test('after it was deleted a schedule begins anew', () => {
  const { revision } = put(NOW);
  note(put(NOW, { revision }), { kind: 'ticked', name: 'sweep', revision, at: NOW + 7, runs: [NOW + 7] });
  note(put(NOW + 1, { definition: null }), put(NOW + 2, { startupAt: NOW + 2 }));
  expect(memory.get('sweep')).toMatchObject({ createdAt: NOW + 2, startupAt: NOW + 2, done: undefined });
});

test('the next revision is higher than any before, also of what was deleted, and whatever the clock says', () => {
  const last = put(NOW + 60_000, { definition: null });
  note(put(NOW), last);
  expect(memory.nextRevision('sweep', NOW) > last.revision).toBe(true);
  expect(memory.nextRevision('another', NOW).slice(0, 10)).toBe(idDueAt(NOW).slice(0, 10));
});

test('progress goes on, never back, and the latest five runs are kept', () => {
  const { revision } = put(NOW);
  const ticked = (at: number, runs = [at]): ScheduleEntry => ({
    kind: 'ticked',
    name: 'sweep',
    revision,
    at,
    runs,
  });
  note(put(NOW, { revision }), ...[1, 2, 3, 4].map((n) => ticked(NOW + n)));
  note(ticked(NOW + 9, [NOW + 7, NOW + 8]), ticked(NOW + 5), ticked(NOW + 9, [NOW + 7, NOW + 8]));
  const runs = [2, 3, 4, 7, 8].map((n) => NOW + n);
  expect(memory.get('sweep')?.done).toEqual({ revision, at: NOW + 9, runs });
});

test('progress of what is not there is passed over', () => {
  note({ kind: 'ticked', name: 'sweep', revision: idDueAt(NOW), at: NOW, runs: [] });
  expect(memory.all()).toEqual([]);
});

test('what is written again has all that is known, and whoever reads only that knows the same', () => {
  const { revision } = put(NOW);
  note(put(NOW, { revision }), { kind: 'ticked', name: 'sweep', revision, at: NOW + 7, runs: [NOW + 7] });
  const again = memory.writtenBefore(NOW + 1);
  expect(memory.writtenBefore(NOW)).toEqual([]);
  const late = createScheduleMemory();
  for (const entry of again) late.note(JSON.parse(JSON.stringify(entry)), NOW);
  expect(JSON.stringify(late.all())).toBe(JSON.stringify(memory.all()));
  for (const entry of again) memory.note(entry, NOW + 1);
  expect(memory.writtenBefore(NOW + 1)).toEqual([]);
});

test('a definition of a later version is shown as broken, kept as it is, and does not keep others from running', () => {
  const definition = { ...HOURLY, moon: 'full' };
  note(put(NOW, { definition }), put(NOW, { name: 'other' }));
  expect(memory.get('sweep')).toMatchObject({ definition, fault: expect.stringContaining('moon') });
  expect(memory.get('other')).toMatchObject({ times: expect.anything() });
  expect(memory.writtenBefore(NOW + 1)).toHaveLength(2);
});

test('a definition that cannot even be looked at is broken as well, and takes the place of the one before', () => {
  const period = { starts_at: '2026-12-01T00:00:00Z', ends_at: 'never' };
  note(put(NOW), put(NOW + 1, { definition: { ...HOURLY, ...period, timezone: 'Mars/Olympus_Mons' } }));
  expect(memory.get('sweep')).toMatchObject({ fault: expect.stringContaining('timezone') });
});

test('a clock that was wrong when a schedule was put counts no longer once it is put anew', () => {
  note(put(NOW + 86_400_000), { ...put(NOW), revision: memory.nextRevision('sweep', NOW) });
  note({ ...put(NOW), revision: memory.nextRevision('sweep', NOW) });
  expect(memory.get('sweep')).toMatchObject({ putAt: NOW });
});

test('all are in the order of their names', () => {
  note(...['b', 'c', 'a'].map((name) => put(NOW, { name })));
  expect(memory.all().map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});

test('two definitions are the same if they are so as JSON, in whichever order their fields are', () => {
  expect(isSameDefinition({ a: 1, b: { c: [2] }, d: undefined }, { b: { c: [2] }, a: 1 })).toBe(true);
  expect(isSameDefinition({ a: 1 }, { a: '1' })).toBe(false);
  expect(isSameDefinition({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
});
