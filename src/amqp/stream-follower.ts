/**
 * Following a stream with certainty: not only reading it, but knowing up to which moment everything in it has been read.
 *
 * Two things give that certainty. A mark, written to the stream each time that reading begins: what was confirmed
 * before it was written has been read when it is read itself, even from a replica that lags behind. From then on,
 * asking the broker for its latest entry is enough, costs the stream nothing, and needs no right moment to publish.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { BrokerConnection } from './connection';
import type { Publisher } from './publisher';
import { readStream, type StreamEntry } from './stream';

/** Options of followStream. */
export interface StreamFollowerOptions {
  /** Reads. */
  readonly connection: BrokerConnection;
  /** Writes the marks; they need a confirm. */
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly stream: string;
  /** Exchange by which entries get into the stream. */
  readonly exchange: string;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  /** Takes each entry, in order, and none twice unless the stream is renewed. */
  readonly onEntry: (entry: StreamEntry) => void;
  /** The stream was deleted and declared anew: all that was read of it counts no longer. */
  readonly onRenewed?: () => void;
  /** A mark that was not read within this time, in milliseconds, is written again; default 10,000. */
  readonly markAgainMs?: number;
  readonly logger: Logger;
}

/** A stream being followed. */
export interface StreamFollower {
  /**
   * Resolves once everything is known that the broker had confirmed `ageMs` ago, at once if that has been proven
   * already. While the reading stalls it does not resolve.
   *
   * @throws the signal's reason when it is aborted
   */
  knownSince(ageMs: number, signal?: AbortSignal): Promise<void>;
  /** Whether entries had been cut off before the reading began. */
  isCut(): boolean;
  /** Whether everything had been read at some moment since the reading last began. */
  caughtUp(): boolean;
  close(): Promise<void>;
}

/** The `type` of a mark; its message id tells it from those of other followers. */
export const MARK = 'mark';
/** Before a mark that could not be written is tried again, in milliseconds. */
const RETRY_DELAY_MS = 200;
/** What one reader has, and what follows what was read, comes within this time, in milliseconds; else the reading stalls. */
const STALLED_AFTER_MS = 2_000;
/** After a network between its nodes was silent, RabbitMQ 3.10 confirms entries that never get into the stream. */
const MARK_AGAIN_MS = 10_000;
/** How long the question for the latest entry may take, in milliseconds: all that is due waits for it. */
const LATEST_TIMEOUT_MS = 10_000;
/** Readings in a row that stall until the connection is given up: some minute. Another node may have a replica that goes on. */
const MOST_STALLS = 20;

/**
 * Follows a stream from its first entry.
 *
 * @throws amqplib's error when the stream is not there or may not be read
 */
export async function followStream(options: StreamFollowerOptions): Promise<StreamFollower> {
  const { connection, publisher, stream, exchange, onEntry, onRenewed, logger } = options;
  const { markAgainMs = MARK_AGAIN_MS } = options;
  const closing = new AbortController();
  const progress = createProgress(closing.signal);
  /** On performance.now(), which nobody sets. */
  let provenAt = Number.NEGATIVE_INFINITY;
  /** Written when the reading began, and not read yet. */
  let awaited: { readonly id: string; readonly at: number } | undefined;
  let caughtUp = false;
  let stalls = 0;
  let proving: Promise<void> | undefined;

  const reader = await readStream({
    ...options,
    onEntry(entry) {
      if (entry.properties.type !== MARK) onEntry(entry);
      else if (awaited && entry.properties.messageId === awaited.id) {
        provenAt = Math.max(provenAt, awaited.at);
        awaited = undefined;
        caughtUp = true;
        stalls = 0;
      }
      progress.made();
    },
    onReading: () => void mark(),
    onRenewed() {
      provenAt = Number.NEGATIVE_INFINITY;
      onRenewed?.();
    },
  });

  async function mark(): Promise<void> {
    const id = randomUUID();
    awaited = { id, at: performance.now() };
    caughtUp = false;
    const isAwaited = () => awaited?.id === id && !closing.signal.aborted;
    while (isAwaited()) {
      await writeMark(id, isAwaited);
      await untilMarkedOr(markAgainMs, isAwaited);
    }
  }

  async function writeMark(id: string, isAwaited: () => boolean): Promise<void> {
    for (let tries = 0; isAwaited(); tries++) {
      try {
        return await publisher.publish(markEntry(exchange, id));
      } catch (error) {
        // Once: an outage lasts many tries.
        if (tries === 0) logger.warn('stream not marked yet', { stream, error: messageOf(error) });
        await pause(RETRY_DELAY_MS, closing.signal);
      }
    }
  }

  /** Long as a stream may be, entry after entry has to come. */
  async function untilMarkedOr(timeoutMs: number, isAwaited: () => boolean): Promise<void> {
    for (const until = performance.now() + timeoutMs; isAwaited() && performance.now() < until; ) {
      const before = reader.position();
      await pause(STALLED_AFTER_MS, closing.signal);
      if (isAwaited() && reader.position() === before) restart('no entry comes any more');
    }
  }

  function restart(why: string): void {
    logger.warn('stream read anew', { stream, why });
    caughtUp = false;
    awaited = undefined;
    if (++stalls % MOST_STALLS === 0) connection.giveUp(`the stream ${stream} cannot be read: ${why}`);
    reader.restart();
  }

  async function prove(): Promise<void> {
    if (!caughtUp) return void (await progress.until(() => caughtUp));
    const startedAt = performance.now();
    try {
      const latest = await inTime(reader.latest(), LATEST_TIMEOUT_MS);
      if (!(await progress.until(() => reader.position() >= latest, STALLED_AFTER_MS)))
        throw new Error(`entry ${latest} is there and does not come`);
      provenAt = Math.max(provenAt, startedAt);
    } catch (error) {
      if (!closing.signal.aborted) restart(messageOf(error));
    }
  }

  return {
    async knownSince(ageMs, signal) {
      const neededAt = performance.now() - ageMs;
      while (provenAt < neededAt) {
        signal?.throwIfAborted();
        closing.signal.throwIfAborted();
        proving ??= prove().finally(() => {
          proving = undefined;
        });
        await abortable(proving, signal);
      }
    },
    isCut: () => (reader.first() ?? 0) > 0,
    caughtUp: () => caughtUp && reader.active(),
    async close() {
      closing.abort(new Error(`the stream ${stream} is no longer followed`));
      progress.made();
      await reader.close();
    },
  };
}

/** Lets others wait for what an entry may bring; nobody waits any longer once the signal is aborted. */
function createProgress(closing: AbortSignal) {
  const waiting = new Set<() => void>();
  return {
    made() {
      for (const look of waiting) look();
    },
    /** Resolves with whether it holds, false when it did not within the time given. */
    until: (holds: () => boolean, timeoutMs?: number) =>
      new Promise<boolean>((resolve) => {
        const end = (held: boolean) => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve(held);
        };
        const look = () => {
          if (holds()) end(true);
          else if (closing.aborted) end(false);
        };
        const timer = timeoutMs === undefined ? undefined : setTimeout(() => end(false), timeoutMs);
        waiting.add(look);
        look();
      }),
  };
}

function markEntry(exchange: string, id: string) {
  return { exchange, routingKey: '', content: Buffer.alloc(0), properties: { messageId: id, type: MARK } };
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal, ref: false }).catch(() => {});
}

async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function abortable(promise: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return promise;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
