/** Whether an exchange is there: publishing to one that is not closes the channel, with all that is under way on it. */
import { closeChannel, isNotFound, openQuietChannel } from './channel';
import type { BrokerConnection } from './connection';

/** Looks whether the broker has this exchange; what it has seen it believes for half a minute. */
export type ExchangeCheck = (exchange: string) => Promise<boolean>;

const BELIEVED_MS = 30_000;

/** A check on this connection; it rejects with amqplib's error when the broker gives no answer. */
export function createExchangeCheck(connection: BrokerConnection): ExchangeCheck {
  const seenAt = new Map<string, number>();
  return async (exchange) => {
    // The default exchange is always there, and must not be asked for.
    if (exchange === '' || Date.now() - (seenAt.get(exchange) ?? 0) < BELIEVED_MS) return true;
    const channel = await openQuietChannel(connection);
    try {
      await channel.checkExchange(exchange);
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
    await closeChannel(channel);
    seenAt.set(exchange, Date.now());
    return true;
  };
}
