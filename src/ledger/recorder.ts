/**
 * Writing to the ledger what has happened already. That it cannot be written for a while changes nothing of what
 * happened and holds nobody up: it is kept here and written later, which slows down for a moment who records then. Only what a process had not written when it
 * was killed is missing in the ledger; the messages themselves are not concerned.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Publication, Publisher } from '../amqp/publisher';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { Message } from '../message';
import { LEDGER } from '../topology';
import { encodeEntries, MOST_ENTRIES, type UnwrittenEntry } from './batch';
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
/** On their way at once at most: more than one only where more is recorded than a batch holds. */
const MOST_BATCHES = 8;
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
 * A recorder on this publisher. What is recorded while entries are on their way is written with the next ones, many together: the
 * busier the broker, the more.
 */
export function createRecorder({ publisher, logger }: RecorderOptions): Recorder {
  const pending: Pending[] = [];
  /** So many of them, the first ones, are under way. */
  let underWay = 0;
  let writing: Promise<void> | undefined;
  /** From the first entry that could not be written until what is left goes out at once. */
  let inTrouble = false;
  /** What is recorded now is kept, and nobody is held up for it. */
  let failing = false;
  /** Since that was said last. */
  let lost = 0;
  let stopped = false;

  const release = () => {
    for (const { done } of pending) done();
  };

  /** Writes what there is, in several batches at once where one does not hold it; resolves with why one of them was not written. */
  async function writeSome(): Promise<unknown> {
    let why: unknown;
    const left: Promise<readonly Pending[]>[] = [];
    while (underWay < pending.length && left.length < MOST_BATCHES) {
      // Many entries take their time, in which a message may become due.
      if (left.length > 0) await setImmediate();
      const next = pending.slice(underWay, underWay + MOST_ENTRIES);
      const { count, ...written } = encodeEntries(next);
      const batch = next.slice(0, count);
      underWay += count;
      left.push(
        publisher.publish({ exchange: LEDGER, routingKey: '', ...written }).then(
          () => {
            for (const { done } of batch) done();
            return [];
          },
          (error) => {
            why ??= error;
            return batch;
          },
        ),
      );
    }
    const kept = (await Promise.all(left)).flat();
    pending.splice(0, underWay, ...kept);
    underWay = 0;
    return why;
  }

  async function write(): Promise<void> {
    let waitMs = RETRY_DELAY_MS;
    // Whatever else this turn of the event loop records goes with it.
    await setImmediate();
    while (pending.length > 0 && !stopped) {
      const why = await writeSome();
      failing = why !== undefined;
      if (failing && !inTrouble) logger.warn('ledger not written yet', { error: messageOf(why) });
      inTrouble ||= failing;
      if (lost > 0) logger.error('ledger entries lost', { count: lost, backlog: pending.length });
      lost = 0;
      // While it catches up, whoever records waits for what is under way and not for all that is left. Without any wait, more could come than is written.
      if (inTrouble) release();
      if (failing) {
        await sleep(waitMs, undefined, { ref: false });
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_DELAY_MS);
        continue;
      }
      waitMs = RETRY_DELAY_MS;
      if (inTrouble && pending.length <= MOST_BATCHES * MOST_ENTRIES) {
        inTrouble = false;
        logger.info('ledger written again');
      }
    }
    // At once: what is recorded before the promise has resolved would wait for a writing that is over.
    writing = undefined;
  }

  return {
    record: (entry, message) =>
      new Promise((resolve) => {
        pending.push({ entry, message, done: resolve });
        if (failing || stopped) resolve();
        if (pending.length > LONGEST_BACKLOG) {
          for (const { done } of pending.splice(underWay, 1)) done();
          lost++;
        }
        writing ??= write();
      }),
    backlog: () => (inTrouble ? pending.length : 0),
    async drain(timeoutMs) {
      await Promise.race([writing, sleep(timeoutMs, undefined, { ref: false })]);
      stopped = true;
      release();
      lost += pending.length;
      if (lost > 0) logger.error('ledger entries lost', { count: lost });
      return pending.length === 0;
    },
  };
}
