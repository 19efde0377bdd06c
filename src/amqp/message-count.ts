/** How many messages a queue has. */
import type { Channel } from 'amqplib';

/**
 * How many messages are ready, without those that somebody has in hand.
 *
 * RabbitMQ waits 250 ms for the process of a quorum queue and then says that it has none (rabbit_quorum_queue:stat), so on a busy
 * broker nothing is believed to be none only when it is said twice.
 *
 * @throws what the channel rejects with, when there is no such queue for example
 */
export async function messageCount(channel: Pick<Channel, 'checkQueue'>, queue: string): Promise<number> {
  const count = async () => (await channel.checkQueue(queue)).messageCount;
  return (await count()) || count();
}
