/**
 * Writing to the ledger what has happened already. That it cannot be written for a while changes nothing of what
 * happened and holds nobody up: it is kept here and written later. Only what a process had not written when it
 * was killed is missing in the ledger; the messages themselves are not concerned.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Publication, Publisher } from '../amqp/publisher';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { Message } from '../message';
import { LEDGER } from '../topology';
import { encodeEntries, type UnwrittenEntry } from './batch';
import { encodeEntry, type LedgerEntry } from './entry';

/** Writes entries down. */
export interface Recorder {
  /** Resolves once the entry is written, or kept to be written later. Never rejects. */
  record(entry: LedgerEntry, message?: Message): Promise<void>;
  /** Entries kept to be written later. */
  backlog(): number;
  /** Tries once more to write what is left, within the time given; false when something is lost. */
  drain(timeoutMs: number): Promise<boolean>;
}

/** Where there is no ledger. */
export const NO_RECORDER: Recorder = {
  record: async () => {},
  backlog: () => 0,
  drain: async () => true,
};

/** Options of createRecorder. */
export interface RecorderOptions {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly logger: Logger;
}

/** Kept at most, some megabytes; the oldest are lost beyond. */
const LONGEST_BACKLOG = 50_000;
const RETRY_DELAY_MS = 200;
/** Short: until it is written, other processes do not know of what was accepted here. */
const LONGEST_RETRY_DELAY_MS = 1_000;

/** An entry as it is published alone. */
export function ledgerPublication(entry: LedgerEntry, message?: Message): Publication {
  return { exchange: LEDGER, routingKey: '', ...encodeEntry(entry, message) };
}

/** An entry on its way, and who waits for it. */
interface Pending extends UnwrittenEntry {
  readonly done: () => void;
}

/**
 * A recorder on this publisher. What is recorded while an entry is on its way is written with the next one, all together: the
 * busier the broker, the more.
 */
export function createRecorder({ publisher, logger }: RecorderOptions): Recorder {
  const pending: Pending[] = [];
  /** So many of them, the first ones, are under way. */
  let underWay = 0;
  let writing: Promise<void> | undefined;
  /** What is recorded now is kept, and nobody is held up for it. */
  let inTrouble = false;
  let stopped = false;

  const keep = (why: unknown) => {
    if (!inTrouble) logger.warn('ledger not written yet', { error: messageOf(why) });
    inTrouble = true;
    for (const { done } of pending) done();
  };

  async function write(): Promise<void> {
    let waitMs = RETRY_DELAY_MS;
    // Whatever else this turn of the event loop records goes with it.
    await setImmediate();
    while (pending.length > 0 && !stopped) {
      const { count, ...written } = encodeEntries(pending);
      underWay = count;
      try {
        await publisher.publish({ exchange: LEDGER, routingKey: '', ...written });
        underWay = 0;
        for (const { done } of pending.splice(0, count)) done();
        waitMs = RETRY_DELAY_MS;
      } catch (error) {
        underWay = 0;
        keep(error);
        await sleep(waitMs, undefined, { ref: false });
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_DELAY_MS);
      }
    }
    if (inTrouble && pending.length === 0) logger.info('ledger written again');
    inTrouble &&= pending.length > 0;
    // At once: what is recorded before the promise has resolved would wait for a writing that is over.
    writing = undefined;
  }

  return {
    record: (entry, message) =>
      new Promise((resolve) => {
        pending.push({ entry, message, done: resolve });
        if (inTrouble || stopped) resolve();
        if (pending.length > LONGEST_BACKLOG) {
          for (const { done } of pending.splice(underWay, 1)) done();
          logger.error('ledger entry lost', { backlog: pending.length });
        }
        writing ??= write();
      }),
    backlog: () => (inTrouble ? pending.length : 0),
    async drain(timeoutMs) {
      await Promise.race([writing, sleep(timeoutMs, undefined, { ref: false })]);
      stopped = true;
      for (const { done } of pending) done();
      if (pending.length > 0) logger.error('ledger entries lost', { count: pending.length });
      return pending.length === 0;
    },
  };
}
