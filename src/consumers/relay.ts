/** A message that came due is published to any exchange: how programs in any language receive delayed messages. */
import type { z } from 'zod';
import type { ExchangeCheck } from '../amqp/exchanges';
import type { Publisher } from '../amqp/publisher';
import type { Clock } from '../clock';
import type { Logger } from '../logger';
import type { relayPayload } from '../targets';
import { NO_TRACING, type Tracing } from '../tracing';
import { publishTraced } from './calls/publish';
import type { Handler } from './handler';
import { done, retry } from './outcome';

/** What the relay handler needs. */
export interface RelayOptions {
  /** On a channel of its own: what closes it must not concern anything else. */
  readonly publisher: Publisher;
  readonly exchangeExists: ExchangeCheck;
  /** Default no spans. */
  readonly tracing?: Tracing;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Publishes each message, mandatory and confirmed; its id is the AMQP message id. Where it cannot be routed it
 * is tried again: a consumer may be about to declare its queue.
 */
export function createRelayHandler({
  publisher,
  exchangeExists,
  tracing = NO_TRACING,
  clock,
  logger,
}: RelayOptions): Handler<z.output<typeof relayPayload>> {
  return async ({ id, payload, trace }, signal) => {
    const { exchange, routing_key: routingKey, content, headers } = payload;
    if (!(await exchangeExists(exchange))) return retry(`there is no exchange "${exchange}"`);
    // The handling's time may be over by now: another attempt publishes it.
    signal.throwIfAborted();
    const isText = typeof content === 'string';
    const publication = {
      exchange,
      routingKey,
      content: Buffer.from(isText ? content : JSON.stringify(content)),
      properties: {
        messageId: id,
        contentType: payload.content_type ?? (isText ? 'text/plain' : 'application/json'),
        timestamp: Math.floor(clock() / 1000),
        ...(headers && { headers }),
      },
    };
    await publishTraced({ publisher, tracing }, publication, trace);
    logger.info('relayed', { messageId: id, exchange, routingKey });
    return done;
  };
}
