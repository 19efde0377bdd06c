/**
 * Publishing with confirms: a promise per message that resolves once the broker has it safely, and says
 * plainly what is known when it does not.
 */
import { type ConfirmChannel, IllegalOperationError } from 'amqplib';
import { BrokerUnavailableError, messageOf, OutcomeUnknownError, PublishRefusedError } from '../errors';
import type { Logger } from '../logger';
import { DEFAULT_EXCHANGE, isAccessRefused } from './access';
import { LOOK_MS, MOST_LOOKS } from './answers';
import { confirmChannel, keepChannelOpen } from './channel';
import type { BrokerConnection } from './connection';
import { createInFlight, MAX_IN_FLIGHT, type Sent } from './in-flight';

/** One message to publish. */
export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  /** Whether a message that no queue takes is refused; default true. */
  readonly mandatory?: boolean;
  readonly properties: {
    /** By this a returned message is told from the others on their way. */
    readonly messageId: string;
    readonly type?: string;
    /** Seconds since the epoch. */
    readonly timestamp?: number;
    readonly contentType?: string;
    readonly headers?: Readonly<Record<string, unknown>>;
  };
}

/** A confirm channel that stays open. */
export interface Publisher {
  /**
   * Publishes persistently and resolves with the broker's confirm.
   *
   * @throws BrokerUnavailableError nothing was sent: no connection, blocked by the broker, or the broker does not keep
   *   up: too many messages are unconfirmed, or confirms are late
   * @throws PublishRefusedError returned as unroutable, negatively acknowledged, or not permitted
   * @throws Error the message cannot be encoded, for headers that are too long for instance
   * @throws OutcomeUnknownError no confirm in time, or the connection was lost while waiting for it
   */
  publish(publication: Publication): Promise<void>;
  /** Waits for the confirms still missing, at most the confirm time-out, then closes. */
  close(): Promise<void>;
}

/** A publisher that says beforehand whether it takes messages. */
export interface OpenPublisher extends Publisher {
  /** Why a message would be refused at once, a sentence; undefined when it would be sent. */
  refusal(): string | undefined;
}

/** Options of openPublisher. */
export interface PublisherOptions {
  readonly connection: BrokerConnection;
  /** How long a confirm may take before its outcome counts as unknown, in milliseconds. */
  readonly confirmTimeoutMs: number;
  /** Told how long each confirm took, in seconds, also one that came too late. */
  readonly onConfirm?: (seconds: number) => void;
  /** Unconfirmed messages at most; default 5000. */
  readonly maxInFlight?: number;
  /** Between two looks for a confirm that does not come at all, in milliseconds; default 10,000. */
  readonly lookMs?: number;
  readonly logger: Logger;
}

/** Opens a confirm channel on the connection. */
export async function openPublisher({
  connection,
  confirmTimeoutMs,
  onConfirm,
  maxInFlight = MAX_IN_FLIGHT,
  lookMs = LOOK_MS,
  logger,
}: PublisherOptions): Promise<OpenPublisher> {
  const { host } = connection;
  let channel: ConfirmChannel | undefined;
  const waiting = new Set<Promise<void>>();
  /** What this channel was allowed to publish to, and what it was closed for. */
  let allowed = new Set<string>();
  let forbidden: string | undefined;
  const inFlight = createInFlight({
    most: maxInFlight,
    lateAfterMs: confirmTimeoutMs,
    clock: () => performance.now(),
  });

  const kept = await keepChannelOpen({
    name: 'publish',
    open: confirmChannel(connection),
    onOpen: async (opened) => {
      // A round trip, in which a channel shows that it was closed before anybody listened.
      await opened.prefetch(1);
      channel = opened;
      allowed = new Set();
      forbidden = undefined;
      // Comes before the failures of all that is under way.
      opened.on('error', (error) => {
        const exchange = forbiddenExchange(error);
        // What was under way before a permission was taken away may have been accepted.
        if (exchange !== undefined && !allowed.has(exchange)) forbidden = exchange;
      });
      // A return comes before the confirm of the same message, so it only has to be remembered.
      opened.on('return', ({ fields, properties }) => {
        const { exchange, routingKey, replyText } = fields as typeof fields & { replyText?: string };
        const messageId = String(properties.messageId);
        inFlight.noteReturn({ exchange, routingKey, messageId }, replyText ?? 'unroutable');
      });
    },
    onClosed: () => {
      channel = undefined;
    },
    logger,
  });

  // After a network between its nodes was silent, RabbitMQ may have lost what a channel sent to a queue, and then takes nothing more
  // from this channel for it, without a word: later messages are not confirmed either. Another channel begins anew.
  const stopLooking = lookForHanging({
    ...{ lookMs, oldest: inFlight.oldest, isUp: () => connection.state() === 'up' },
    onHanging({ exchange, routingKey, sentAt }) {
      const ageMs = Math.round(performance.now() - sentAt);
      if (!channel || ageMs <= confirmTimeoutMs) return;
      logger.warn('never confirmed, the channel is given up', { host, exchange, routingKey, ageMs });
      channel.close().catch(() => {});
    },
  });

  const refusal = (): string | undefined => {
    const state = connection.state();
    if (state === 'blocked')
      return `RabbitMQ at ${host} takes no messages for now: it is short of memory or disk.`;
    if (state === 'down' || !channel) return `RabbitMQ at ${host} is not reachable for now.`;
    switch (inFlight.trouble()) {
      case 'full':
        return `RabbitMQ at ${host} does not keep up: ${maxInFlight} messages are not confirmed yet.`;
      case 'late':
        return `RabbitMQ at ${host} does not keep up: its confirms take longer than ${confirmTimeoutMs} ms.`;
      default:
        return undefined;
    }
  };

  const send = (publication: Publication): Promise<void> =>
    new Promise((resolve, reject) => {
      const { exchange, routingKey, content, properties, mandatory = true } = publication;
      const sent = inFlight.add({ exchange, routingKey, messageId: properties.messageId });
      const timer = setTimeout(() => {
        reject(
          new OutcomeUnknownError(
            `RabbitMQ at ${host} did not confirm within ${confirmTimeoutMs} ms; the message may have been accepted.`,
          ),
        );
      }, confirmTimeoutMs);
      const settle = (error?: Error) => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      const options = { ...properties, persistent: true, mandatory };
      try {
        if (!channel) throw new IllegalOperationError('the channel is closed');
        channel.publish(exchange, routingKey, content, options, (error) => {
          inFlight.answered(sent);
          if (!error) {
            allowed.add(exchange);
            onConfirm?.((performance.now() - sent.sentAt) / 1000);
          }
          settle(outcome(sent, error, connection, exchange === forbidden));
        });
      } catch (cause) {
        inFlight.forget(sent);
        settle(notSent(cause, host));
      }
    });

  return {
    refusal,
    async publish(publication) {
      const why = refusal();
      if (why !== undefined) throw new BrokerUnavailableError(why);
      const confirmed = send(publication);
      waiting.add(confirmed);
      await confirmed.finally(() => waiting.delete(confirmed));
    },
    async close() {
      await Promise.allSettled(waiting);
      stopLooking();
      await kept.close();
    },
  };
}

/** Options of lookForHanging. */
interface HangingOptions {
  readonly lookMs: number;
  readonly oldest: () => Sent | undefined;
  /** Whether a confirm can be expected: an alarm keeps them all back. */
  readonly isUp: () => boolean;
  readonly onHanging: (sent: Sent) => void;
}

/** Looks now and then, and tells when the same message was the oldest one some times in a row. Call what it returns to end it. */
function lookForHanging({ lookMs, oldest, isUp, onHanging }: HangingOptions): () => void {
  let seen: Sent | undefined;
  let looks = 0;
  const timer = setInterval(() => {
    const sent = isUp() ? oldest() : undefined;
    looks = sent && sent === seen ? looks + 1 : 0;
    seen = sent;
    if (!sent || looks < MOST_LOOKS) return;
    looks = 0;
    onHanging(sent);
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

function notSent(cause: unknown, host: string): Error {
  return cause instanceof IllegalOperationError
    ? new BrokerUnavailableError(`RabbitMQ at ${host} is not reachable for now.`, { cause })
    : new Error(`The message cannot be encoded: ${messageOf(cause)}`, { cause });
}

/** The exchange that the broker does not let this user publish to, when it has closed the channel for that. */
function forbiddenExchange(error: unknown): string | undefined {
  if (!isAccessRefused(error)) return undefined;
  const [, name] = /access to exchange '(.*)' in vhost .* refused for user/.exec(messageOf(error)) ?? [];
  return name === DEFAULT_EXCHANGE ? '' : name;
}

function outcome(
  { returned, exchange, routingKey }: Sent,
  error: unknown,
  { host, user }: BrokerConnection,
  forbidden: boolean,
): Error | undefined {
  if (returned !== undefined) {
    return new PublishRefusedError(
      `RabbitMQ at ${host} returned the message: exchange "${exchange}" has no queue for "${routingKey}" (${returned}).`,
    );
  }
  if (!error) return undefined;
  if (forbidden) {
    return new PublishRefusedError(
      `RabbitMQ at ${host} does not let the user "${user}" publish to the exchange "${exchange || DEFAULT_EXCHANGE}".`,
      { cause: error },
    );
  }
  if (error instanceof Error && error.message === 'message nacked') {
    return new PublishRefusedError(
      `RabbitMQ at ${host} did not accept the message for exchange "${exchange}".`,
      { cause: error },
    );
  }
  return new OutcomeUnknownError(
    `The connection to RabbitMQ at ${host} was lost before it confirmed; the message may have been accepted.`,
    { cause: error },
  );
}
