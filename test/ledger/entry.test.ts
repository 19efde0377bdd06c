import { decodeEntry, encodeEntry, type LedgerEntry } from '../../src/ledger/entry';

const entry: LedgerEntry = {
  ...{ kind: 'handled', id: 'm', to: 'orders', delivery: 'd', attempt: 2, dueAt: 1_500, at: 1_700 },
};

const message = {
  id: 'm',
  to: 'orders',
  payload: 1,
  dueAt: 1_500,
  acceptedAt: 1_000,
  attempt: 2,
  delivery: 'd',
};

test.each<[string, LedgerEntry]>([
  ['with what every one has', entry],
  ['with when its handler began', { ...entry, startedAt: 1_600 }],
  ['written again', { ...entry, again: true }],
  ['of a stream that was declared anew', { ...entry, ahead: 1_000 }],
  ['with all the rest', { ...entry, from: 'c', key: 'ann', fingerprint: 'f', error: 'e', by: 'b' }],
])('an entry %s is read as it was written, with a message or without', (_, written) => {
  expect(decodeEntry(encodeEntry(written))).toEqual(written);
  expect(decodeEntry(encodeEntry(written, message))).toEqual(written);
});

test.each([
  ['entry-started-at', 'soon'],
  ['entry-started-at', 1.5],
  ['entry-again', 'yes'],
  ['entry-ahead', -1],
  ['entry-ahead', 'far'],
])('a header %s that says %j is passed over', (name, value) => {
  const { content, properties } = encodeEntry(entry);
  const headers = { ...properties?.headers, [name]: value };
  expect(decodeEntry({ content, properties: { ...properties, headers } })).toEqual(entry);
});
