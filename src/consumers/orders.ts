/** An order that came due unpaid: says so to whoever listens on the events exchange. */
import type { z } from 'zod';
import type { Publisher } from '../amqp/publisher';
import type { Clock } from '../clock';
import type { Logger } from '../logger';
import type { orderPayload } from '../targets';
import { EVENTS_EXCHANGE } from '../topology';
import type { Handler } from './handler';
import { done } from './outcome';

/** What the orders handler needs. */
export interface OrdersOptions {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Publishes `order.expired` for each order. */
export function createOrdersHandler({
  publisher,
  clock,
  logger,
}: OrdersOptions): Handler<z.output<typeof orderPayload>> {
  return async ({ id, payload, acceptedAt, dueAt, first }) => {
    const event = {
      order_id: payload.order_id,
      submitted_at: new Date(acceptedAt).toISOString(),
      due_at: new Date(first?.dueAt ?? dueAt).toISOString(),
      handled_at: new Date(clock()).toISOString(),
    };
    await publisher.publish({
      exchange: EVENTS_EXCHANGE,
      routingKey: 'order.expired',
      content: Buffer.from(JSON.stringify(event)),
      mandatory: false, // nobody has to listen
      properties: {
        messageId: id,
        type: 'order.expired',
        contentType: 'application/json',
        timestamp: Math.floor(clock() / 1000),
      },
    });
    logger.info('order.expired', event);
    return done;
  };
}
