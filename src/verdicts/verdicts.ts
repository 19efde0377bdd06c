/**
 * Which deliveries are void, as everybody sees it: by way of the control stream. Nothing is taken out of a queue; a
 * void delivery goes its way and is dropped when it arrives, for which its verdict has to be known by then.
 */
import type { Clock } from '../clock';
import type { ControlStream } from '../control/entry';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { Message } from '../message';
import { messageKey, type Verdict } from './entry';
import type { VerdictMemory } from './memory';

/** The least time between the confirm of a verdict and the due time of what it makes void, in milliseconds. */
export const VERDICT_LEAD_MS = 400;

/** A consumer knows each verdict that was confirmed so long before the due time; the rest of the lead is for clocks that differ. */
const KNOWN_LEAD_MS = 300;

/**
 * And each that was confirmed so long before now, however late the message seems to be: by a clock that is ahead every
 * message is late. The wheel lets go of none more than 140 ms early, so that this too covers VERDICT_LEAD_MS.
 */
const KNOWN_AGE_MS = 200;

/** The verdicts. */
export interface Verdicts {
  /** Whether this delivery does not count. */
  isVoid(message: Pick<Message, 'id' | 'delivery' | 'revision'>): boolean;
  /**
   * Resolves once every verdict is known that can concern a message with this due time; it does not while the stream's reading stalls.
   *
   * @throws the signal's reason when it is aborted
   */
  knownFor(dueAt: number, signal?: AbortSignal): Promise<void>;
  /**
   * Gives a verdict on the message with this id; resolves once RabbitMQ has confirmed it.
   *
   * @throws what Publisher.publish throws
   */
  give(id: string, verdict: Omit<Verdict, 'message'>): Promise<void>;
  /** The revision of the verdict on a message; undefined when there is none. */
  revisionOf(id: string): number | undefined;
  /** See VerdictMemory. */
  highestRevision(): number;
  /** Notes that a void delivery of this message has been dropped: its verdict is needed no longer. */
  dropped(id: string): void;
  /** How many there are. */
  size(): number;
  /** Whether the reading goes on, after all that was there has been read. */
  caughtUp(): boolean;
  /** Writes verdicts again that were written before this time, so that they outlive the part of the stream that they are in. */
  renew(writtenBefore: number, signal: AbortSignal): Promise<void>;
  /** Writes down what is not written yet; the stream is not closed with it. */
  close(): Promise<void>;
}

/** Options of createVerdicts. */
export interface VerdictsOptions {
  readonly stream: ControlStream;
  /** Told what the stream has. */
  readonly memory: VerdictMemory;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FLUSH_MS = 1_000;
const FORGET_EVERY_MS = 1_000;
/** Looked at in each of these rounds: few enough that nobody waits for it. */
const LOOKED_AT = 2_000;
/** Renewals on their way at once. */
const WINDOW = 200;

/** The verdicts of this stream. */
export function createVerdicts({ stream, memory, clock, logger }: VerdictsOptions): Verdicts {
  const drops = createDrops((messages) => stream.write({ kind: 'dropped', messages }), logger);
  const write = (verdict: Verdict) => stream.write({ kind: 'verdict', ...verdict }, verdict.message);
  const forgetting = setInterval(() => memory.forgetSome(LOOKED_AT), FORGET_EVERY_MS);
  forgetting.unref();

  return {
    isVoid: ({ id, delivery, revision }) =>
      memory.size() > 0 && memory.isVoid(messageKey(id), delivery, revision),
    knownFor(dueAt, signal) {
      const ageMs = clock() - dueAt + KNOWN_LEAD_MS;
      return stream.knownSince(Math.min(Math.max(0, ageMs), KNOWN_AGE_MS), signal);
    },
    give: (id, verdict) => write({ message: messageKey(id), ...verdict }),
    revisionOf: (id) => memory.revisionOf(messageKey(id)),
    highestRevision: memory.highestRevision,
    dropped: (id) => drops.add(messageKey(id)),
    size: memory.size,
    caughtUp: stream.caughtUp,
    renew: (writtenBefore, signal) => renew(memory, writtenBefore, write, signal),
    async close() {
      clearInterval(forgetting);
      await drops.flush();
    },
  };
}

/** Collects what has been dropped, as one entry a second does for all. What gets lost costs a little memory, nothing else. */
function createDrops(write: (messages: string[]) => Promise<void>, logger: Logger) {
  const messages: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = async () => {
    clearTimeout(timer);
    timer = undefined;
    const written = messages.splice(0);
    if (written.length === 0) return;
    await write(written).catch((error) => logger.debug('drops not noted', { error: messageOf(error) }));
  };
  return {
    flush,
    add(message: string) {
      messages.push(message);
      timer ??= setTimeout(flush, FLUSH_MS);
    },
  };
}

async function renew(
  memory: VerdictMemory,
  writtenBefore: number,
  write: (verdict: Verdict) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let window: Promise<void>[] = [];
  for (const verdict of [...memory.writtenBefore(writtenBefore)]) {
    if (signal.aborted) return;
    window.push(write(verdict));
    if (window.length < WINDOW) continue;
    await Promise.all(window);
    window = [];
  }
  await Promise.all(window);
}
