/** Puts messages into the wheel, for the API and for consumers that send one round again. */
import type { Publisher } from './amqp/publisher';
import type { Clock } from './clock';
import { encodeMessage, idDueAt, type Message, type MessageRetry } from './message';
import { ENTRY_EXCHANGE } from './topology';
import type { Trace } from './trace-context';
import { routingKey, WHEEL, type Wheel } from './wheel';

/** What a caller wants handled later. */
export interface ScheduleRequest {
  readonly to: string;
  readonly payload: unknown;
  /** When, in milliseconds since the epoch; what has passed is due now. */
  readonly dueAt: number;
  /** Whether a due time that has passed stays what it is: the message is late then. Default no. */
  readonly isLate?: boolean | undefined;
  /** How its retries differ from the target's; default not at all. */
  readonly retry?: MessageRetry | undefined;
  /** Default one whose time is the due time, see idDueAt. */
  readonly id?: string | undefined;
  /** See Message.delivery; default the id. */
  readonly delivery?: string | undefined;
  /** See Message.revision. */
  readonly revision?: number | undefined;
  /** The trace that it belongs to. */
  readonly trace?: Trace | undefined;
  /** The HTTP request that brought it and the name of the caller's key, for the log; nothing of it goes into the message. */
  readonly askedBy?: { readonly requestId: string | undefined; readonly key: string | undefined } | undefined;
}

/** Puts messages into the wheel. Its methods throw what Publisher.publish throws. */
export interface Scheduler {
  /** Accepts a new message; resolves once the broker has confirmed it. */
  schedule(request: ScheduleRequest): Promise<Message>;
  /** Sends a message round once more until its due time; resolves once confirmed. */
  forward(message: Message): Promise<void>;
}

/** Options of createScheduler. */
export interface SchedulerOptions {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly clock: Clock;
  /** The wheel that the broker's topology was made from; default the standard one. */
  readonly wheel?: Wheel;
}

/** A scheduler on this publisher. */
export function createScheduler({ publisher, clock, wheel = WHEEL }: SchedulerOptions): Scheduler {
  const forward = (message: Message) =>
    publisher.publish({
      exchange: ENTRY_EXCHANGE,
      routingKey: routingKey(wheel, message.dueAt - clock(), message.to),
      ...encodeMessage(message),
    });
  return {
    forward,
    async schedule({ to, payload, dueAt, isLate = false, retry, trace, ...chosen }) {
      const acceptedAt = clock();
      const due = isLate ? dueAt : Math.max(dueAt, acceptedAt);
      const id = chosen.id ?? idDueAt(due);
      const delivery = chosen.delivery ?? id;
      const { revision } = chosen;
      const base = { id, to, payload, dueAt: due, acceptedAt, attempt: 1, delivery };
      const message: Message = {
        ...base,
        ...(revision !== undefined && { revision }),
        ...(retry && { retry }),
        ...(trace && { trace }),
      };
      await forward(message);
      return message;
    },
  };
}
