/**
 * Keeping messages that wait long in the ledger: written again before the stream cuts their entries off. Those that
 * have come to their end are left to be cut off.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../amqp/connection';
import { readRange, type StreamEntry } from '../amqp/stream';
import type { Clock } from '../clock';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import { decodeMessage, type Message } from '../message';
import { LEDGER, LEDGER_LIMITS } from '../topology';
import { decodeEntries } from './batch';
import { hasMessage, type LedgerEntry } from './entry';
import type { Ledger } from './ledger';
import { isPending, type LedgerRecord } from './record';

/** Options of keepLedger. */
export interface LedgerKeeperOptions {
  readonly ledger: Pick<Ledger, 'view' | 'settle' | 'caughtUp' | 'extent'>;
  /** Reads. */
  readonly connection: BrokerConnection;
  readonly clock: Clock;
  /** What has more than this behind it is written again, in bytes; default half of what the stream keeps. */
  readonly renewBehindBytes?: number;
  /** Between two looks, in milliseconds; default a minute. */
  readonly pauseMs?: number;
  readonly logger: Logger;
}

const PAUSE_MS = 60_000;
/** Entries on their way at once. */
const WINDOW = 100;

/** Writes entries again until the signal is aborted. One process at a time does it, see single-active.ts. */
export async function keepLedger(options: LedgerKeeperOptions, signal: AbortSignal): Promise<void> {
  const { ledger, renewBehindBytes = LEDGER_LIMITS.maxBytes / 2, pauseMs = PAUSE_MS, logger } = options;
  const { extent } = ledger;
  // Were more waiting than fits, it would be written again without end; so something has to come first.
  let nextAt = 0;
  while (!signal.aborted) {
    const isTime = ledger.caughtUp() && extent.total() >= nextAt;
    const upTo = isTime ? extent.offsetBehind(renewBehindBytes) : undefined;
    try {
      if (upTo !== undefined) {
        await renewUpTo(upTo, options, signal);
        nextAt = extent.total() + renewBehindBytes / 8;
      }
    } catch (error) {
      if (!signal.aborted) logger.warn('ledger not written again yet', { error: messageOf(error) });
    }
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function renewUpTo(upTo: number, options: LedgerKeeperOptions, signal: AbortSignal): Promise<void> {
  const { ledger, connection, logger } = options;
  const from = await firstPending(upTo, ledger);
  if (from === undefined) return;
  let renewed = 0;
  let failure: unknown;
  let window: Promise<void>[] = [];
  const endWindow = async () => {
    await Promise.all(window);
    window = [];
    if (failure !== undefined) throw failure;
  };
  await readRange(connection, LEDGER, from, upTo, async (entry) => {
    // While the reading goes on nobody waits for the window, and an error that nobody waits for ends the process.
    if (failure !== undefined) throw failure;
    for (const { record, message } of waitingAt(entry, ledger)) {
      signal.throwIfAborted();
      renewed++;
      window.push(
        renew(record, message, options).catch((error) => {
          failure ??= error;
        }),
      );
      if (window.length >= WINDOW) await endWindow();
    }
  }).catch((error) => {
    throw failure ?? error; // the reading calls it its own
  });
  await endWindow();
  logger.info('ledger written again', { messages: renewed });
}

/** Where the first message is that still waits; everybody else has a turn in between. */
async function firstPending(
  upTo: number,
  ledger: LedgerKeeperOptions['ledger'],
): Promise<number | undefined> {
  let first: number | undefined;
  for (const slice of ledger.view().pendingUpTo(upTo)) {
    for (const { offset } of slice) {
      if (offset !== undefined && (first === undefined || offset < first)) first = offset;
    }
    await new Promise(setImmediate);
  }
  return first;
}

/** The messages that still wait, and that are here as they are now. */
function waitingAt(
  entry: StreamEntry,
  ledger: LedgerKeeperOptions['ledger'],
): { readonly record: LedgerRecord; readonly message: Message }[] {
  return decodeEntries(entry).flatMap(({ entry: { id, kind }, envelope }) => {
    const record = ledger.view().get(id);
    if (!record || !isPending(record) || record.offset !== entry.offset || !hasMessage({ kind })) return [];
    return [{ record, message: decodeMessage(envelope) }];
  });
}

async function renew(
  record: LedgerRecord,
  message: Message,
  { ledger, clock }: LedgerKeeperOptions,
): Promise<void> {
  const { id, to, delivery, attempt, dueAt, key, fingerprint, error } = record;
  const about = { id, to, delivery, attempt, dueAt };
  const again: LedgerEntry = {
    ...{ ...about, kind: 'accepted', at: record.acceptedAt ?? clock(), again: true },
    ...(key !== undefined && { key }),
    ...(fingerprint !== undefined && { fingerprint }),
    ...(error !== undefined && { error }),
  };
  await ledger.settle(again, message);
  // Its end, if it came meanwhile, must not be cut off before its beginning.
  const now = ledger.view().get(id);
  if (!now || isPending(now) || now.delivery !== delivery) return;
  const kind = now.status as 'handled' | 'parked' | 'cancelled';
  await ledger.settle({ ...about, kind, attempt: now.attempt, dueAt: now.dueAt, at: clock(), again: true });
}
