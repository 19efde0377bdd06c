/** Whether an exchange is there and may be published to: otherwise publishing closes the channel, with all that is under way on it. */
import { requireWrite } from './access';
import { closeChannel, isNotFound, openQuietChannel } from './channel';
import type { BrokerConnection } from './connection';

/**
 * Looks whether the broker has this exchange; what it has seen it believes for half a minute.
 *
 * @throws AccessRefusedError when it may not be published to
 */
export type ExchangeCheck = (exchange: string) => Promise<boolean>;

const BELIEVED_MS = 30_000;

/**
 * A check on this connection; it rejects with amqplib's error when the broker gives no answer.
 *
 * @param readable an exchange that the user may read from
 */
export function createExchangeCheck(connection: BrokerConnection, readable: string): ExchangeCheck {
  /** On performance.now(), which nobody sets. */
  const seenAt = new Map<string, number>();
  return async (exchange) => {
    if (performance.now() - (seenAt.get(exchange) ?? Number.NEGATIVE_INFINITY) < BELIEVED_MS) return true;
    await requireWrite(connection, exchange, readable);
    // The default exchange is always there, and must not be asked for.
    if (exchange !== '' && !(await isThere(connection, exchange))) return false;
    seenAt.set(exchange, performance.now());
    return true;
  };
}

async function isThere(connection: BrokerConnection, exchange: string): Promise<boolean> {
  const channel = await openQuietChannel(connection);
  try {
    await channel.checkExchange(exchange);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
  await closeChannel(channel);
  return true;
}
