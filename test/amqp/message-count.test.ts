import { messageCount } from '../../src/amqp/message-count';

const answering = (...counts: number[]) => ({
  checkQueue: async (queue: string) => ({ queue, messageCount: counts.shift() ?? 0, consumerCount: 0 }),
});

test.each<[string, number[], number]>([
  ['what a queue has', [7, 3], 7],
  ['what it has in truth, where RabbitMQ first says none because it was busy', [0, 7], 7],
  ['none, where it is said twice', [0, 0, 7], 0],
])('says %s', async (_, answers, expected) => {
  expect(await messageCount(answering(...answers), 'orders.parked')).toBe(expected);
});
