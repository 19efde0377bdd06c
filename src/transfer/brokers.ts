/** The two brokers of a transfer: what they are called, and whether they are fit for it. */
import { closeChannel, openQuietChannel, withChannel } from '../amqp/channel';
import type { BrokerConnection } from '../amqp/connection';
import { findMissing } from '../amqp/declare';
import { TopologyError } from '../errors';
import { delayTopology, KEEPER } from '../topology';

/**
 * Makes sure that it is two brokers, or two vhosts of one: a message moved onto its own place would be moved for ever.
 *
 * @throws TopologyError when it is the same one
 */
export async function requireTwo(from: BrokerConnection, to: BrokerConnection): Promise<void> {
  const channel = await openQuietChannel(from);
  // Two names may lead to one broker; a queue that is there by both tells.
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const other = await openQuietChannel(to);
  const error = await other.checkQueue(queue).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await closeChannel(channel);
  const isMissing = error instanceof Error && 'code' in error && error.code === 404;
  if (!isMissing) throw new TopologyError(`--from and --to are the same vhost of RabbitMQ at ${to.host}.`);
}

/** Which of the queues of this service the broker has; an older release had fewer. */
export async function queuesOn(connection: BrokerConnection): Promise<Set<string>> {
  const { queues } = delayTopology();
  const missing = await findMissing(connection, queues);
  return new Set(queues.filter((queue) => !missing.includes(queue)).map(({ name }) => name));
}

/** How many processes of the service are connected: each offers itself for the keeper's duty. */
export async function processesOn(connection: BrokerConnection): Promise<number> {
  return withChannel(connection, `The queue ${KEEPER}`, async (channel) => {
    const { consumerCount } = await channel.checkQueue(KEEPER);
    return consumerCount;
  });
}
