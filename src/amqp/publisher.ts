/**
 * Publishing with confirms: a promise per message that resolves once the broker has it safely, and says
 * plainly what is known when it does not.
 */
import { type ConfirmChannel, IllegalOperationError, type Message as ReturnedMessage } from 'amqplib';
import { BrokerUnavailableError, messageOf, OutcomeUnknownError, PublishRefusedError } from '../errors';
import type { Logger } from '../logger';
import { DEFAULT_EXCHANGE, isAccessRefused } from './access';
import { confirmChannel, keepChannelOpen } from './channel';
import type { BrokerConnection } from './connection';

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
   * @throws BrokerUnavailableError nothing was sent: no connection, or blocked by the broker
   * @throws PublishRefusedError returned as unroutable, negatively acknowledged, or not permitted
   * @throws Error the message cannot be encoded, for headers that are too long for instance
   * @throws OutcomeUnknownError no confirm in time, or the connection was lost while waiting for it
   */
  publish(publication: Publication): Promise<void>;
  /** Waits for the confirms still missing, at most the confirm time-out, then closes. */
  close(): Promise<void>;
}

/** Options of openPublisher. */
export interface PublisherOptions {
  readonly connection: BrokerConnection;
  /** How long a confirm may take before its outcome counts as unknown, in milliseconds. */
  readonly confirmTimeoutMs: number;
  /** Told how long each confirm took, in seconds, also one that came too late. */
  readonly onConfirm?: (seconds: number) => void;
  readonly logger: Logger;
}

interface Unconfirmed {
  readonly publication: Publication;
  readonly settled: Promise<void>;
  readonly settle: (error?: Error) => void;
  returned?: string;
  forbidden?: boolean;
}

/** Opens a confirm channel on the connection. */
export async function openPublisher({
  connection,
  confirmTimeoutMs,
  onConfirm,
  logger,
}: PublisherOptions): Promise<Publisher> {
  let channel: ConfirmChannel | undefined;
  const unconfirmed = new Set<Unconfirmed>();
  /** What this channel was allowed to publish to. */
  let confirmedBy = new Set<string>();

  const kept = await keepChannelOpen({
    name: 'publish',
    open: confirmChannel(connection),
    onOpen: async (opened) => {
      // A round trip, in which a channel shows that it was closed before anybody listened.
      await opened.prefetch(1);
      channel = opened;
      confirmedBy = new Set();
      // Comes before the failures of all that is under way.
      opened.on('error', (error) => {
        const exchange = forbiddenExchange(error);
        // What was under way before a permission was taken away may have been accepted.
        if (exchange === undefined || confirmedBy.has(exchange)) return;
        for (const entry of unconfirmed) entry.forbidden ||= entry.publication.exchange === exchange;
      });
      // A return comes before the confirm of the same message, so it only has to be remembered.
      opened.on('return', (message) => rememberReturn(unconfirmed, message));
    },
    onClosed: () => {
      channel = undefined;
    },
    logger,
  });

  const publish = (publication: Publication): Promise<void> => {
    const state = connection.state();
    if (state === 'blocked') {
      throw new BrokerUnavailableError(
        `RabbitMQ at ${connection.host} takes no messages for now: it is short of memory or disk.`,
      );
    }
    if (state === 'down' || !channel)
      throw new BrokerUnavailableError(`RabbitMQ at ${connection.host} is not reachable for now.`);

    const entry = trackUnconfirmed(unconfirmed, publication);
    const timer = setTimeout(() => {
      entry.settle(
        new OutcomeUnknownError(
          `RabbitMQ at ${connection.host} did not confirm within ${confirmTimeoutMs} ms; the message may have been accepted.`,
        ),
      );
    }, confirmTimeoutMs);
    const { exchange, routingKey, content, properties, mandatory = true } = publication;
    const sentAt = performance.now();
    try {
      channel.publish(
        exchange,
        routingKey,
        content,
        { ...properties, persistent: true, mandatory },
        (error) => {
          clearTimeout(timer);
          if (!error) {
            confirmedBy.add(exchange);
            onConfirm?.((performance.now() - sentAt) / 1000);
          }
          entry.settle(outcome(entry, error, connection));
        },
      );
    } catch (cause) {
      clearTimeout(timer);
      const unreachable = cause instanceof IllegalOperationError;
      entry.settle(
        unreachable
          ? new BrokerUnavailableError(`RabbitMQ at ${connection.host} is not reachable for now.`, { cause })
          : new Error(`The message cannot be encoded: ${messageOf(cause)}`, { cause }),
      );
    }
    return entry.settled;
  };

  return {
    publish: async (publication) => publish(publication),
    async close() {
      await Promise.allSettled([...unconfirmed].map(({ settled }) => settled));
      await kept.close();
    },
  };
}

function trackUnconfirmed(unconfirmed: Set<Unconfirmed>, publication: Publication): Unconfirmed {
  let settle: Unconfirmed['settle'] = () => {};
  const settled = new Promise<void>((resolve, reject) => {
    settle = (error) => {
      unconfirmed.delete(entry);
      if (error) reject(error);
      else resolve();
    };
  });
  const entry: Unconfirmed = { publication, settled, settle };
  unconfirmed.add(entry);
  return entry;
}

/** Whether a message is routed depends on exchange and routing key alone, and returns keep the order of publishing. */
function rememberReturn(unconfirmed: Set<Unconfirmed>, { fields, properties }: ReturnedMessage): void {
  const { exchange, routingKey, replyText } = fields as typeof fields & { replyText?: string };
  for (const entry of unconfirmed) {
    const { publication } = entry;
    if (
      entry.returned === undefined &&
      publication.properties.messageId === properties.messageId &&
      publication.exchange === exchange &&
      publication.routingKey === routingKey
    ) {
      entry.returned = replyText ?? 'unroutable';
      return;
    }
  }
}

/** The exchange that the broker does not let this user publish to, when it has closed the channel for that. */
function forbiddenExchange(error: unknown): string | undefined {
  if (!isAccessRefused(error)) return undefined;
  const [, name] = /access to exchange '(.*)' in vhost .* refused for user/.exec(messageOf(error)) ?? [];
  return name === DEFAULT_EXCHANGE ? '' : name;
}

function outcome(
  { returned, forbidden, publication }: Unconfirmed,
  error: unknown,
  { host, user }: BrokerConnection,
): Error | undefined {
  const { exchange, routingKey } = publication;
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
