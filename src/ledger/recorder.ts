/**
 * Writing to the ledger what has happened already. That it cannot be written for a while changes nothing of what
 * happened and holds nobody up: it is kept here and written later. Only what a process had not written when it
 * was killed is missing in the ledger; the messages themselves are not concerned.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Publication, Publisher } from '../amqp/publisher';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { Message } from '../message';
import { LEDGER } from '../topology';
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
const LONGEST_RETRY_DELAY_MS = 5_000;

/** An entry as it is published. */
export function ledgerPublication(entry: LedgerEntry, message?: Message): Publication {
  return { exchange: LEDGER, routingKey: '', ...encodeEntry(entry, message) };
}

/** A recorder on this publisher. */
export function createRecorder({ publisher, logger }: RecorderOptions): Recorder {
  const backlog: Publication[] = [];
  let writing: Promise<void> | undefined;
  let stopped = false;

  const keep = (publication: Publication, why: unknown) => {
    if (backlog.length === 0) logger.warn('ledger not written yet', { error: messageOf(why) });
    backlog.push(publication);
    if (backlog.length > LONGEST_BACKLOG) {
      backlog.shift();
      logger.error('ledger entry lost', { backlog: backlog.length });
    }
    writing ??= writeBacklog().finally(() => {
      writing = undefined;
    });
  };

  async function writeBacklog(): Promise<void> {
    let waitMs = RETRY_DELAY_MS;
    while (!stopped) {
      const [first] = backlog;
      if (!first) return void logger.info('ledger written again');
      try {
        await publisher.publish(first);
        if (backlog[0] === first) backlog.shift();
        waitMs = RETRY_DELAY_MS;
      } catch {
        await sleep(waitMs, undefined, { ref: false });
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_DELAY_MS);
      }
    }
  }

  return {
    async record(entry, message) {
      const publication = ledgerPublication(entry, message);
      // In order, as far as it goes: what came before is not written either.
      if (backlog.length > 0) return keep(publication, undefined);
      try {
        await publisher.publish(publication);
      } catch (error) {
        keep(publication, error);
      }
    },
    backlog: () => backlog.length,
    async drain(timeoutMs) {
      await Promise.race([writing, sleep(timeoutMs, undefined, { ref: false })]);
      stopped = true;
      if (backlog.length > 0) logger.error('ledger entries lost', { count: backlog.length });
      return backlog.length === 0;
    },
  };
}
