/**
 * A duty that one process at a time has, of all that offer themselves: RabbitMQ's single active consumer chooses it
 * and the next one when it is gone (https://www.rabbitmq.com/docs/consumers#single-active-consumer).
 *
 * A consumer is told that it is the active one only by a message. So the queue holds a token: who has it in hand is on duty.
 */
import { randomUUID } from 'node:crypto';
import type { Channel, ConsumeMessage } from 'amqplib';
import { messageOf } from '../errors';
import type { Logger } from '../logger';
import { keepChannelOpen, plainChannel } from './channel';
import type { BrokerConnection } from './connection';
import type { Publisher } from './publisher';

/** Options of offerForDuty. */
export interface DutyOptions {
  readonly connection: BrokerConnection;
  /** For the token. */
  readonly publisher: Pick<Publisher, 'publish'>;
  /** A queue with a single active consumer, for this duty alone. */
  readonly queue: string;
  /** The exchange by which a token gets into it. */
  readonly exchange: string;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  /** Does the duty until the signal is aborted. */
  readonly onDuty: (signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/** An offer to do a duty. */
export interface Duty {
  /** Whether it is done here at the moment. */
  active(): boolean;
  /** Withdraws; another process takes over. */
  close(): Promise<void>;
}

/** RabbitMQ takes a message back that has been in hand for half an hour, so the token is exchanged before. */
const TOKEN_LIFETIME_MS = 600_000;

/**
 * Offers this process for a duty.
 *
 * @throws amqplib's error when the queue is not there or may not be read
 */
export async function offerForDuty(options: DutyOptions): Promise<Duty> {
  const { connection, publisher, queue, exchange, consumerTag, onDuty, logger } = options;
  let duty: { readonly ending: AbortController; token: ConsumeMessage } | undefined;

  const layToken = () =>
    publisher
      .publish({
        exchange,
        routingKey: '',
        content: Buffer.alloc(0),
        properties: { messageId: randomUUID(), type: 'token' },
      })
      .catch((error) => logger.debug('no token laid', { queue, error: messageOf(error) }));

  const onToken = (on: Channel, token: ConsumeMessage) => {
    if (duty) {
      on.ack(duty.token); // two are one too many
      duty.token = token;
      return;
    }
    const ending = new AbortController();
    duty = { ending, token };
    logger.info('on duty', { queue, consumerTag });
    onDuty(ending.signal).catch((error) => {
      if (!ending.signal.aborted) logger.error('duty failed', { queue, error: messageOf(error) });
    });
  };

  const endDuty = () => {
    duty?.ending.abort();
    duty = undefined;
  };

  const kept = await keepChannelOpen({
    name: consumerTag,
    open: plainChannel(connection),
    onOpen: async (opened) => {
      await opened.checkQueue(queue);
      await opened.prefetch(2);
      const onMessage = (message: ConsumeMessage | null) => {
        if (message) onToken(opened, message);
        else opened.close().catch(() => {});
      };
      await opened.consume(queue, onMessage, { consumerTag });
      // One too many is put away; none at all would leave the duty undone.
      void layToken();
    },
    onClosed: endDuty,
    logger,
  });
  const timer = setInterval(() => {
    if (duty) void layToken();
  }, TOKEN_LIFETIME_MS);
  timer.unref();

  return {
    active: () => duty !== undefined,
    async close() {
      clearInterval(timer);
      endDuty();
      await kept.close();
    },
  };
}
