import { decodeEntries, encodeEntries, envelopeIn, type UnwrittenEntry } from '../../src/ledger/batch';
import { encodeEntry, type LedgerEntry, REVISION_HEADER } from '../../src/ledger/entry';
import { decodeMessage, type Message } from '../../src/message';

const entryOf = (id: string, rest: Partial<LedgerEntry> = {}): LedgerEntry => ({
  ...{ kind: 'handled', id, to: 'orders', delivery: id, attempt: 1, dueAt: 1_500, at: 1_700, ...rest },
});

function acceptedWith(id: string, payload: unknown): UnwrittenEntry & { readonly message: Message } {
  const message = { id, to: 'orders', payload, dueAt: 1_500, acceptedAt: 1_000, attempt: 1, delivery: id };
  return { entry: entryOf(id, { kind: 'accepted', at: 1_000 }), message };
}

const read = (raw: Parameters<typeof decodeEntries>[0]) => decodeEntries(raw).map(({ entry }) => entry);

test('entries that are written together are read in their order, as they were written', () => {
  const entries = [
    acceptedWith('a', { text: 'ä "quoted" \u2028' }),
    { entry: entryOf('b', { error: 'e', key: 'k', startedAt: 1_600 }) },
    { entry: entryOf('a', { kind: 'parked', error: 'why' }) },
  ];
  const { count, ...written } = encodeEntries(entries);
  expect(count).toBe(3);
  expect(read(written)).toEqual(entries.map(({ entry }) => entry));
  expect(written.properties.headers).toEqual({ entries: 3 });
});

test('one alone is written as a single entry always was', () => {
  const { entry, message } = acceptedWith('a', 1);
  expect(encodeEntries([{ entry, message }])).toEqual({ ...encodeEntry(entry, message), count: 1 });
});

test('the message in a batch is read as if it stood alone, the latest where there are two', () => {
  const [first, other, latest] = [acceptedWith('a', 1), acceptedWith('b', 2), acceptedWith('a', { n: 'é' })];
  const { count: _, ...written } = encodeEntries([first, other, latest, { entry: entryOf('a') }]);
  const envelope = envelopeIn(written, 'a');
  expect(envelope && decodeMessage(envelope)).toEqual(latest.message);
  expect(envelopeIn(written, 'c')).toBeUndefined();
});

test('an entry without the message has none to be read', () => {
  expect(envelopeIn(encodeEntry(entryOf('a')), 'a')).toBeUndefined();
  expect(envelopeIn(encodeEntries([{ entry: entryOf('a') }, acceptedWith('b', 1)]), 'a')).toBeUndefined();
});

test('a batch that was moved from another broker gives its revision to each entry', () => {
  const { count: _, ...written } = encodeEntries([{ entry: entryOf('a') }, acceptedWith('b', 1)]);
  const properties = {
    ...written.properties,
    headers: { ...written.properties.headers, [REVISION_HEADER]: -7 },
  };
  expect(read({ ...written, properties }).map(({ revision }) => revision)).toEqual([-7, -7]);
});

test('a batch ends before it is too large, but for a single entry that is', () => {
  const many = Array.from({ length: 300 }, (_, n) => ({ entry: entryOf(`m${n}`) }));
  expect(encodeEntries(many).count).toBe(250);
  const large = acceptedWith('large', 'x'.repeat(150_000));
  expect(encodeEntries([large, large]).count).toBe(1);
  expect(encodeEntries([{ entry: entryOf('a') }, large]).count).toBe(2);
  expect(encodeEntries([acceptedWith('huge', 'x'.repeat(250_000)), large]).count).toBe(1);
});

test('nothing cannot be written', () => {
  expect(() => encodeEntries([])).toThrow(RangeError);
});

test.each([
  ['is no JSON', 'no JSON'],
  ['is no list', '{}'],
  ['has nothing that could be an entry', '[1, null, {"properties": null, "text": ""}, {"properties": {}}]'],
  ['has entries of a later version', '[{"properties": {"headers": {"entry": "folded"}}, "text": ""}]'],
])('a batch that %s is passed over', (_, content) => {
  expect(decodeEntries({ content: Buffer.from(content), properties: { headers: { entries: 2 } } })).toEqual(
    [],
  );
});

test('what can be read of a batch is read', () => {
  const { count: _, ...written } = encodeEntries([{ entry: entryOf('a') }, { entry: entryOf('b') }]);
  const content = Buffer.from(JSON.stringify(['rubbish', ...JSON.parse(written.content.toString())]));
  expect(read({ ...written, content }).map(({ id }) => id)).toEqual(['a', 'b']);
});
