/** An order that came due: the order service decides what becomes of it, and whoever listens for events is told. */
import type { z } from 'zod';
import type { Publisher } from '../amqp/publisher';
import { type Clock, isoTime } from '../clock';
import type { Logger } from '../logger';
import type { orderPayload } from '../targets';
import { EVENTS_EXCHANGE } from '../topology';
import { NO_TRACING, type Tracing } from '../tracing';
import { headerId } from './calls/header-id';
import type { HttpCaller } from './calls/http-caller';
import { publishTraced } from './calls/publish';
import type { Handler, MessageOf } from './handler';
import { doneOnceTold, type Outcome } from './outcome';

/** What the orders handler needs. */
export interface OrdersOptions {
  readonly publisher: Publisher;
  /** The order service; without one, every order that comes due expires. */
  readonly callback?: { readonly url: URL; readonly caller: HttpCaller } | undefined;
  /** Default no spans. */
  readonly tracing?: Tracing;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Order = MessageOf<z.output<typeof orderPayload>>;

/** What becomes of an order: it expires, or is kept for this reason. */
interface Verdict {
  readonly type: 'order.expired' | 'order.kept';
  readonly reason?: string;
}

const EXPIRED: Verdict = { type: 'order.expired' };

/** Answers by which the order service says that there is nothing to expire: paid already, or gone. */
const PAID_OR_GONE = new Set([409, 410]);

/**
 * Calls the order service, if there is one, and then publishes `order.expired` or `order.kept` for each order. While RabbitMQ does not take that
 * event the order service is not called again.
 */
export function createOrdersHandler(options: OrdersOptions): Handler<z.output<typeof orderPayload>> {
  const { publisher, callback, tracing = NO_TRACING, clock, logger } = options;
  return async (order, signal) => {
    const verdict = callback ? await askOrderService(callback, order, signal) : EXPIRED;
    if ('kind' in verdict) return verdict;
    const { type, reason } = verdict;
    const handledAt = clock();
    const event = {
      order_id: order.payload.order_id,
      ...timesOf(order),
      handled_at: isoTime(handledAt),
      ...(reason && { reason }),
    };
    const publication = {
      exchange: EVENTS_EXCHANGE,
      routingKey: type,
      content: Buffer.from(JSON.stringify(event)),
      mandatory: false, // nobody has to listen
      properties: {
        messageId: order.id,
        type,
        contentType: 'application/json',
        timestamp: Math.floor(handledAt / 1000),
      },
    };
    return doneOnceTold(async () => {
      await publishTraced({ publisher, tracing }, publication, order.trace);
      logger.info(type, { messageId: order.id, ...event });
    });
  };
}

/** The order service's verdict, or the outcome when there is none. */
async function askOrderService(
  { url, caller }: NonNullable<OrdersOptions['callback']>,
  order: Order,
  signal: AbortSignal,
): Promise<Verdict | Exclude<Outcome, { kind: 'done' }>> {
  const { outcome, status } = await caller.call(
    {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', 'idempotency-key': headerId(order.id) },
      body: JSON.stringify({ ...order.payload, ...timesOf(order) }),
      trace: order.trace,
    },
    signal,
  );
  if (status !== undefined && PAID_OR_GONE.has(status))
    return { type: 'order.kept', reason: `paid or gone (${status})` };
  return outcome.kind === 'done' ? EXPIRED : outcome;
}

/** Due at first, however often it is tried. */
function timesOf({ acceptedAt, dueAt, first }: Order) {
  return {
    submitted_at: isoTime(acceptedAt),
    due_at: isoTime(first?.dueAt ?? dueAt),
  };
}
