/**
 * The ledger as an API process has it: a view in memory of all that the stream says, and the one order in which
 * whoever wants to change a message finds out whether it came first.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerConnection } from '../amqp/connection';
import type { Publisher } from '../amqp/publisher';
import { entryAt, type StreamEntry } from '../amqp/stream';
import { followStream } from '../amqp/stream-follower';
import type { Clock } from '../clock';
import { BrokerUnavailableError, OutcomeUnknownError, UnknownMessageError } from '../errors';
import type { Logger } from '../logger';
import { decodeMessage, type Message } from '../message';
import { LEDGER } from '../topology';
import type { Verdicts } from '../verdicts/verdicts';
import { decodeEntries, envelopeIn } from './batch';
import type { LedgerEntry } from './entry';
import { createExtent, type Extent } from './extent';
import type { LedgerRecord } from './record';
import { ledgerPublication } from './recorder';
import { createRevisions } from './revisions';
import type { Applied } from './rules';
import { createLedgerView, type LedgerView } from './view';

/** What became of an entry, and where the stream has it. */
export interface Placed {
  readonly effect: Applied;
  readonly offset: number;
  /** Its rank among all that concerns its message: the offset, unless the entry was copied from another broker or the stream is a new one. */
  readonly revision: number;
}

/** The ledger of an API process. */
export interface Ledger {
  /** What it says, up to some ten milliseconds ago. */
  view(): LedgerView;
  /**
   * Writes an entry and waits until its turn in the view: `taken` means that it came first.
   *
   * @throws what Publisher.publish throws
   * @throws OutcomeUnknownError it was written, but has not come up to be read in time
   */
  settle(entry: LedgerEntry, message?: Message): Promise<Placed>;
  /**
   * The message with this id as the stream has it at an offset; undefined when that was cut off.
   *
   * @throws BrokerUnavailableError the stream cannot be read for now
   */
  messageAt(offset: number, id: string): Promise<Message | undefined>;
  /**
   * What is known of a message, be it that it was accepted by another process a moment ago.
   *
   * @throws BrokerUnavailableError nothing is known of it, and the ledger cannot be read for now
   */
  find(id: string): Promise<LedgerRecord | undefined>;
  /**
   * The same, of a message that there has to be.
   *
   * @throws UnknownMessageError there is none, or none that the view still has
   */
  require(id: string): Promise<LedgerRecord>;
  /** How much has been read. */
  readonly extent: Extent;
  /** Whether the view has every message there is: nothing was cut off the stream, and nothing left out for want of room. */
  isComplete(): boolean;
  /** Whether the view has all that was there when the reading began. */
  caughtUp(): boolean;
  /** Resolves with the next entry that is read, or after this time, in milliseconds. */
  nextEntry(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Options of openLedger. */
export interface LedgerOptions {
  /** Reads. */
  readonly connection: BrokerConnection;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly verdicts: Pick<Verdicts, 'highestRevision'>;
  readonly clock: Clock;
  /** See LedgerViewOptions. */
  readonly limit: number;
  /** See LedgerViewOptions. */
  readonly idHoldMs: number;
  /** How long an entry may take until it is confirmed and read, in milliseconds; default 3,000. */
  readonly echoTimeoutMs?: number;
  /** Told of each entry that has come up, and what is known of its message after it. */
  readonly onEntry?: (entry: LedgerEntry, placed: Placed, record: LedgerRecord | undefined) => void;
  /** Keeps account of how much was read; default one of its own. */
  readonly extent?: Extent;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  readonly logger: Logger;
}

/** An entry is read some 25 ms after it was written; a busy machine may take longer. */
const ECHO_TIMEOUT_MS = 3_000;
/** How long to make sure that everything has been read, in milliseconds. */
const PROOF_TIMEOUT_MS = 2_000;

/**
 * Begins to read the ledger; it has caught up some time later.
 *
 * @throws amqplib's error when the stream is not there or may not be read
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { connection, publisher, verdicts, clock, limit, idHoldMs } = options;
  const { echoTimeoutMs = ECHO_TIMEOUT_MS, extent = createExtent() } = options;
  const revisions = createRevisions(verdicts.highestRevision);
  let view = createLedgerView({ limit, idHoldMs, clock });
  const echoes = new Map<string, (placed: Placed) => void>();
  const waiting = new Set<() => void>();

  const onEntry = ({ offset, content, properties }: StreamEntry) => {
    extent.note(offset, content.length);
    for (const { entry } of decodeEntries({ content, properties })) {
      const revision = revisions.next(entry, offset);
      const placed = { effect: view.apply(entry, offset), offset, revision };
      options.onEntry?.(entry, placed, view.get(entry.id));
      if (entry.by !== undefined) echoes.get(entry.by)?.(placed);
    }
    for (const wake of waiting) wake();
  };
  const follower = await followStream({
    ...options,
    stream: LEDGER,
    exchange: LEDGER,
    onEntry,
    onRenewed: () => {
      view = createLedgerView({ limit, idHoldMs, clock });
      revisions.renewed();
    },
  });

  const echoOf = async (by: string): Promise<Placed> => {
    const late = new AbortController();
    try {
      return await Promise.race([
        new Promise<Placed>((resolve) => echoes.set(by, resolve)),
        sleep(echoTimeoutMs, undefined, { signal: late.signal, ref: false }).then(() => {
          throw new OutcomeUnknownError(
            `RabbitMQ at ${connection.host} has the change, but it was not read back within ${echoTimeoutMs} ms; it may have been made.`,
          );
        }),
      ]);
    } finally {
      late.abort();
      echoes.delete(by);
    }
  };

  const nextEntry = (timeoutMs: number) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      waiting.add(wake);
    });

  /** Until everything has been read that was confirmed before now. */
  const allRead = async () => {
    try {
      await follower.knownSince(0, AbortSignal.timeout(PROOF_TIMEOUT_MS));
    } catch (cause) {
      const why = `The ledger on RabbitMQ at ${connection.host} cannot be read for now.`;
      throw new BrokerUnavailableError(why, { cause });
    }
  };

  const find = async (id: string) => {
    const record = view.get(id);
    if (record) return record;
    await allRead();
    return view.get(id);
  };

  const isComplete = () => follower.caughtUp() && view.evicted() === 0 && !follower.isCut();

  return {
    view: () => view,
    async settle(entry, message) {
      const by = randomUUID();
      const echo = echoOf(by);
      echo.catch(() => {}); // may come to nothing before anybody waits for it
      await publisher.publish(ledgerPublication({ ...entry, by, ahead: revisions.ahead() }, message));
      return echo;
    },
    async messageAt(offset, id) {
      const found = await entryAt(connection, LEDGER, offset);
      const envelope = found && envelopeIn(found, id);
      return envelope && decodeMessage(envelope);
    },
    find,
    async require(id) {
      const record = await find(id);
      if (record) return record;
      throw new UnknownMessageError(id, { complete: isComplete() });
    },
    extent,
    isComplete,
    caughtUp: follower.caughtUp,
    nextEntry,
    close: follower.close,
  };
}
