/** Fills the ledger as fast as the broker takes it, with the entries that accepted and handled messages leave. */
import { type ConfirmChannel, connect } from 'amqplib';
import { encodeEntries, type UnwrittenEntry } from '../../src/ledger/batch';
import { idDueAt, type Message } from '../../src/message';
import { LEDGER } from '../../src/topology';
import { payloadOf } from '../techniques/technique';
import { serve } from './served';

/** How much to write, and where. */
export interface WriteSettings {
  readonly amqpUrl: string;
  readonly entries: number;
  /** So many go into one entry of the stream, as a recorder writes them when it is busy. */
  readonly together: number;
}

/** Entries of the stream that are on their way at once. */
const WINDOW = 2_000;
const TARGET = 'webhooks';
const DAY_MS = 86_400_000;

async function write({ amqpUrl, entries, together }: WriteSettings): Promise<void> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  let published = 0;
  for (let written = 0; written < entries; written += together) {
    publish(channel, unwritten(written, Math.min(together, entries - written)));
    if (++published % WINDOW === 0) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  await connection.close();
}

function unwritten(from: number, count: number): UnwrittenEntry[] {
  return Array.from({ length: count }, (_, i) => entryNumber(from + i));
}

let latest: Message | undefined;

/** Half of the entries are of acceptance and have the message with them, the other half say that it was handled. */
function entryNumber(n: number): UnwrittenEntry {
  const at = Date.now();
  if (n % 2 === 1 && latest) {
    const { id, to, delivery, attempt, dueAt } = latest;
    return { entry: { kind: 'handled', id, to, delivery, attempt, dueAt, at } };
  }
  const dueAt = at + DAY_MS;
  const id = idDueAt(dueAt);
  const base = { id, to: TARGET, delivery: id, attempt: 1, dueAt };
  latest = { ...base, payload: payloadOf(n), acceptedAt: at };
  return { entry: { ...base, kind: 'accepted', at }, message: latest };
}

function publish(channel: ConfirmChannel, entries: readonly UnwrittenEntry[]): void {
  for (let left = entries; left.length > 0; ) {
    const { content, properties, count } = encodeEntries(left);
    channel.publish(LEDGER, '', content, { ...properties, persistent: true });
    left = left.slice(count);
  }
}

serve({ write, close: () => undefined });
