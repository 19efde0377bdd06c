/**
 * Whether this connection's user may write to and read from what its process needs, asked without doing either:
 * RabbitMQ looks for write on the destination and for read on the source before it removes a binding, and removing one that
 * is not there changes nothing. A permission goes by the name alone, so the name of a queue can be asked for as well.
 */
import type { Channel } from 'amqplib';
import { AccessRefusedError } from '../errors';
import { closeChannel, openQuietChannel, replyCodeOf } from './channel';
import type { BrokerConnection } from './connection';

/** Names of exchanges and queues, by what is done with them. */
export interface Access {
  /** To publish to, as an exchange; to bind, as a queue. */
  readonly write: readonly string[];
  /** To consume, as a queue; to bind to, as an exchange. */
  readonly read: readonly string[];
}

/** What permissions call the exchange whose name is empty. */
export const DEFAULT_EXCHANGE = 'amq.default';

const NO_BINDING = 'permission-check';
const ACCESS_REFUSED = 403;

/** Whether the broker's answer is that this user may not do that. */
export function isAccessRefused(error: unknown): boolean {
  return replyCodeOf(error) === ACCESS_REFUSED;
}

/**
 * Makes sure that the user may do all of this.
 *
 * @param both an exchange that the user has to be able to write to and read from
 * @throws AccessRefusedError naming everything that it may not
 */
export async function requireAccess(
  connection: BrokerConnection,
  { write, read }: Access,
  both: string,
): Promise<void> {
  const refused = [
    ...(await refusedOf(connection, write, (name) => [name, both])).map((name) => `write to "${name}"`),
    ...(await refusedOf(connection, read, (name) => [both, name])).map((name) => `read from "${name}"`),
  ];
  if (refused.length > 0) throw accessRefused(connection, refused.join(', '));
}

/**
 * Makes sure that the user may publish to an exchange; that need not be there.
 *
 * @param readable an exchange that the user may read from
 * @throws AccessRefusedError when it may not
 */
export async function requireWrite(
  connection: BrokerConnection,
  exchange: string,
  readable: string,
): Promise<void> {
  const name = exchange || DEFAULT_EXCHANGE;
  const refused = await refusedOf(connection, [name], () => [name, readable]);
  if (refused.length > 0) throw accessRefused(connection, `publish to the exchange "${name}"`);
}

/** A refusal, with what to do about it. */
export function accessRefused({ host, user }: BrokerConnection, what: string): AccessRefusedError {
  return new AccessRefusedError(
    `RabbitMQ at ${host} does not let the user "${user}" ${what}. Grant it, or use another user in AMQP_URL: "npm run topology -- --users" (node dist/topology.js --users) prints the commands that make users with the right permissions.`,
  );
}

/** Each refusal closes the channel. */
async function refusedOf(
  connection: BrokerConnection,
  names: readonly string[],
  bindingOf: (name: string) => [destination: string, source: string],
): Promise<string[]> {
  const refused: string[] = [];
  let channel: Channel | undefined;
  for (const name of names) {
    channel ??= await openQuietChannel(connection);
    try {
      await channel.unbindExchange(...bindingOf(name), NO_BINDING);
    } catch (error) {
      if (!isAccessRefused(error)) throw error;
      refused.push(name);
      channel = undefined;
    }
  }
  if (channel) await closeChannel(channel);
  return refused;
}
