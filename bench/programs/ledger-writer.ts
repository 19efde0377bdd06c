/** Fills the ledger as fast as the broker takes it, with the entries that accepted and handled messages leave. */
import { type ConfirmChannel, connect } from 'amqplib';
import type { LedgerEntry } from '../../src/ledger/entry';
import { ledgerPublication } from '../../src/ledger/recorder';
import { idDueAt, type Message } from '../../src/message';
import { payloadOf } from '../techniques/technique';
import { serve } from './served';

/** How much to write, and where. */
export interface WriteSettings {
  readonly amqpUrl: string;
  readonly entries: number;
}

const BATCH = 2_000;
const TARGET = 'webhooks';
const DAY_MS = 86_400_000;

async function write({ amqpUrl, entries }: WriteSettings): Promise<void> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  for (let written = 0; written < entries; written += BATCH) {
    const count = Math.min(BATCH, entries - written);
    for (let i = 0; i < count; i += 2) writeMessage(channel, written + i, i + 1 < count);
    await channel.waitForConfirms();
  }
  await connection.close();
}

/** Half of the entries are of acceptance and have the message with them, the other half say that it was handled. */
function writeMessage(channel: ConfirmChannel, n: number, handled: boolean): void {
  const at = Date.now();
  const dueAt = at + DAY_MS;
  const id = idDueAt(dueAt);
  const base = { id, to: TARGET, delivery: id, attempt: 1, dueAt };
  const message: Message = { ...base, payload: payloadOf(n), acceptedAt: at };
  publish(channel, { ...base, kind: 'accepted', at }, message);
  if (handled) publish(channel, { ...base, kind: 'handled', at });
}

function publish(channel: ConfirmChannel, entry: LedgerEntry, message?: Message): void {
  const { exchange, routingKey, content, properties } = ledgerPublication(entry, message);
  channel.publish(exchange, routingKey, content, { ...properties, persistent: true });
}

serve({ write, close: () => undefined });
