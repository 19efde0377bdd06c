/**
 * Which deliveries are void, as everybody sees it: by way of the control stream. Nothing is taken out of a queue; a
 * void delivery goes its way and is dropped when it arrives, for which its verdict has to be known by then.
 */
import { randomUUID } from 'node:crypto';
import type { BrokerConnection } from '../amqp/connection';
import type { Publisher } from '../amqp/publisher';
import { followStream } from '../amqp/stream-follower';
import type { Clock } from '../clock';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import type { Message } from '../message';
import { CONTROL } from '../topology';
import { type ControlEntry, decodeControl, encodeControl, messageKey, type Verdict } from './entry';
import { createVerdictMemory, type VerdictMemory } from './memory';

/** The least time between the confirm of a verdict and the due time of what it makes void, in milliseconds. */
export const VERDICT_LEAD_MS = 400;

/** A consumer knows each verdict that was confirmed so long before the due time; the rest of the lead is for clocks that differ. */
const KNOWN_LEAD_MS = 300;

/** The verdicts, followed. */
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
  /** Notes that a void delivery of this message has been dropped: its verdict is needed no longer. */
  dropped(id: string): void;
  /** How many there are. */
  size(): number;
  /** Whether the reading goes on, after all that was there has been read. */
  caughtUp(): boolean;
  /** Writes verdicts again that were written before this time, so that they outlive the part of the stream that they are in. */
  renew(writtenBefore: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Options of followVerdicts. */
export interface VerdictsOptions {
  /** Reads. A consumer's own: if the verdicts stop, so do its deliveries. */
  readonly connection: BrokerConnection;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly clock: Clock;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  readonly logger: Logger;
}

const FLUSH_MS = 1_000;
const FORGET_EVERY_MS = 1_000;
/** Looked at in each of these rounds: few enough that nobody waits for it. */
const LOOKED_AT = 2_000;
/** Renewals on their way at once. */
const WINDOW = 200;

/**
 * Reads all verdicts and follows them.
 *
 * @throws amqplib's error when the stream is not there or may not be read
 */
export async function followVerdicts(options: VerdictsOptions): Promise<Verdicts> {
  const { publisher, clock, logger } = options;
  const memory = createVerdictMemory(clock);
  const drops = createDrops((messages) => publish({ kind: 'dropped', messages }), logger);

  const publish = (entry: ControlEntry) =>
    publisher.publish({
      exchange: CONTROL,
      routingKey: '',
      content: encodeControl(entry),
      properties: {
        messageId: entry.kind === 'verdict' ? entry.message : randomUUID(),
        type: entry.kind,
        timestamp: Math.floor(clock() / 1_000),
        contentType: 'application/json',
      },
    });

  const follower = await followStream({
    ...options,
    stream: CONTROL,
    exchange: CONTROL,
    onEntry: ({ content, properties }) => {
      const entry = decodeControl(content);
      if (entry) memory.note(entry, Number(properties.timestamp ?? 0) * 1_000);
    },
    // A verdict stays true when the stream is deleted; it has to be written again.
    onRenewed: memory.noteStreamLost,
  });
  const forgetting = setInterval(() => memory.forgetSome(LOOKED_AT), FORGET_EVERY_MS);
  forgetting.unref();

  return {
    isVoid: ({ id, delivery, revision }) =>
      memory.size() > 0 && memory.isVoid(messageKey(id), delivery, revision),
    knownFor: (dueAt, signal) => follower.knownSince(Math.max(0, clock() - dueAt + KNOWN_LEAD_MS), signal),
    give: (id, verdict) => publish({ kind: 'verdict', message: messageKey(id), ...verdict }),
    revisionOf: (id) => memory.revisionOf(messageKey(id)),
    dropped: (id) => drops.add(messageKey(id)),
    size: memory.size,
    caughtUp: follower.caughtUp,
    renew: (writtenBefore, signal) =>
      renew(memory, writtenBefore, (verdict) => publish({ kind: 'verdict', ...verdict }), signal),
    async close() {
      clearInterval(forgetting);
      await drops.flush();
      await follower.close();
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
