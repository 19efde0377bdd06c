/** The parked queues as a person deals with them: look, send once more, throw away. */
import { type BrowsedMessage, createBrowser, type Verdict } from './amqp/browse';
import type { BrokerConnection } from './amqp/connection';
import type { Clock } from './clock';
import { MalformedMessageError } from './errors';
import { isWritable } from './json';
import type { Recorder } from './ledger/recorder';
import type { Logger } from './logger';
import { decodeMessage, type Message } from './message';
import { type ParkNote, parkNoteOf } from './parking';
import type { Scheduler } from './scheduler';
import { CONSUMED } from './targets';
import { parkedQueue, UNROUTABLE } from './topology';

/** A parked message, with whatever is known of it; times are in milliseconds since the epoch. */
export interface ParkedMessage extends ParkNote {
  readonly id?: string;
  /** The target that it was meant for. */
  readonly to?: string;
  readonly dueAt?: number;
  readonly content: Buffer;
}

/** What became of a redrive. */
export interface Redriven {
  readonly redriven: number;
  /** Those that cannot be sent once more and stay, with why. */
  readonly notRedriven: readonly { readonly id: string | undefined; readonly reason: string }[];
  /** Ids asked for that are not parked. */
  readonly notFound: readonly string[];
}

/**
 * What is parked, by target; what no binding took is under `delay.unroutable`. A process takes one call after the
 * other for each of them, but counts at any time. All methods throw BrokerUnavailableError when the queue cannot be read; nothing is lost then.
 */
export interface ParkingLot {
  /** The names to ask for. */
  readonly names: readonly string[];
  /** How many messages are parked under each name, without those that a look or a redrive has in hand at the moment. */
  counts(): Promise<{ readonly name: string; readonly messages: number }[]>;
  /** How many there are, and the first `limit` of them; changes nothing. */
  look(name: string, limit: number): Promise<{ messages: number; parked: ParkedMessage[] }>;
  /**
   * Has messages handled once more, now and from the first attempt on. Each is confirmed before it is removed.
   *
   * @param ids default all
   * @throws what Scheduler.forward throws; what was confirmed by then is gone, the rest stays
   */
  redrive(name: string, ids?: readonly string[]): Promise<Redriven>;
  /** Removes messages for good. */
  remove(name: string, ids: readonly string[]): Promise<{ deleted: number; notFound: string[] }>;
}

/** Options of createParkingLot. */
export interface ParkingLotOptions {
  /** Reads the queues. Not the scheduler's: a memory alarm stops what publishes. */
  readonly connection: BrokerConnection;
  /** Takes what is redriven. */
  readonly scheduler: Scheduler;
  /** Told of each message that is redriven. */
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Targets whose queues are there; default all, and the ticks. */
  readonly targets?: readonly string[];
}

/** The parking lot of this broker. */
export function createParkingLot(options: ParkingLotOptions): ParkingLot {
  const { connection, scheduler, recorder, clock, logger, targets = CONSUMED } = options;
  const browser = createBrowser(connection);
  const names = [...targets, UNROUTABLE];

  return {
    names,
    counts: () =>
      Promise.all(names.map(async (name) => ({ name, messages: await browser.count(queueOf(name)) }))),

    async look(name, limit) {
      const parked: ParkedMessage[] = [];
      const messages = await browser.browse(queueOf(name), {
        most: limit,
        decide: (message) => {
          parked.push(parkedMessage(name, message));
          return 'keep';
        },
      });
      return { messages, parked };
    },

    async redrive(name, ids) {
      const asked = askedFor(ids);
      const notRedriven: Redriven['notRedriven'][number][] = [];
      let redriven = 0;
      const decide = async (parked: BrowsedMessage): Promise<Verdict> => {
        if (!asked.has(parked)) return 'keep';
        const message = freshStart(parked, targets, clock());
        if (message instanceof MalformedMessageError) {
          notRedriven.push({ id: idOf(parked), reason: message.message });
          return 'keep';
        }
        await scheduler.forward(message);
        const { id, to, delivery, attempt, dueAt } = message;
        await recorder.record({ kind: 'redriven', id, to, delivery, attempt, dueAt, at: clock() }, message);
        redriven++;
        return 'remove';
      };
      try {
        await browser.browse(queueOf(name), { decide });
      } finally {
        logger.info('redriven', { target: name, count: redriven, notRedriven: notRedriven.length });
      }
      return { redriven, notRedriven, notFound: asked.missing() };
    },

    async remove(name, ids) {
      const asked = askedFor(ids);
      let deleted = 0;
      const decide = (parked: BrowsedMessage): Verdict => {
        if (!asked.has(parked)) return 'keep';
        deleted++;
        return 'remove';
      };
      try {
        await browser.browse(queueOf(name), { decide });
      } finally {
        logger.info('deleted', { target: name, count: deleted });
      }
      return { deleted, notFound: asked.missing() };
    },
  };
}

const queueOf = (name: string): string => (name === UNROUTABLE ? UNROUTABLE : parkedQueue(name));

const idOf = ({ properties }: BrowsedMessage): string | undefined => properties.messageId || undefined;

/** Which messages are asked for, and which of the ids did not come up. */
function askedFor(ids?: readonly string[]) {
  const asked = new Set(ids);
  const seen = new Set<string>();
  return {
    has(message: BrowsedMessage): boolean {
      if (!ids) return true;
      const id = idOf(message);
      if (id === undefined || !asked.has(id)) return false;
      seen.add(id);
      return true;
    },
    missing: () => [...asked].filter((id) => !seen.has(id)),
  };
}

function parkedMessage(name: string, { content, properties }: BrowsedMessage): ParkedMessage {
  const { messageId, type, headers } = properties;
  const dueAt = headers?.['due-at'];
  return {
    ...parkNoteOf(properties),
    ...(name === UNROUTABLE && { reason: 'unroutable' }),
    ...(messageId && { id: messageId }),
    ...(type && { to: type }),
    ...(typeof dueAt === 'number' && { dueAt }),
    content,
  };
}

/** The message as if it were accepted now: first attempt, no history; or why that cannot be. */
function freshStart(
  parked: BrowsedMessage,
  targets: readonly string[],
  now: number,
): Message | MalformedMessageError {
  try {
    const { first: _, ...message } = decodeMessage(parked);
    if (!isWritable(message.payload)) return new MalformedMessageError('the body is nested too deeply');
    if (!targets.includes(message.to)) return new MalformedMessageError(`there is no target "${message.to}"`);
    return { ...message, dueAt: now, attempt: 1 };
  } catch (error) {
    if (error instanceof MalformedMessageError) return error;
    throw error;
  }
}
