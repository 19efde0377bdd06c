/**
 * What each release wrote to the broker, in a file of test/recorded/ that is never changed: messages wait for years, and
 * every later release has to read them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeControl } from '../src/control/entry';
import { decodeEntries } from '../src/ledger/batch';
import { decodeEntry } from '../src/ledger/entry';
import { decodeMessage, type RawEnvelope } from '../src/message';
import { parkNoteOf } from '../src/parking';

interface Recorded {
  readonly content?: string;
  readonly properties: Parameters<typeof parkNoteOf>[0];
  readonly read: unknown;
}
type Kind = keyof typeof READERS;

const READERS = {
  messages: decodeMessage,
  ledger: decodeEntry,
  batches: (raw: RawEnvelope) => decodeEntries(raw).map(({ entry }) => entry),
  control: ({ content }: { content: Buffer }) => decodeControl(content),
  parked: ({ properties }: { properties: Recorded['properties'] }) => parkNoteOf(properties),
} as const;

const folder = join(__dirname, 'recorded');

describe.each(readdirSync(folder))('of %s', (file) => {
  const recorded = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<Kind, Recorded[]>;
  test.each(Object.keys(READERS) as Kind[])('the %s can be read', (kind) => {
    expect(recorded[kind].length).toBeGreaterThan(0);
    for (const { content = '', properties, read } of recorded[kind])
      expect(READERS[kind]({ content: Buffer.from(content), properties })).toEqual(read);
  });
});
