import { startTestNode } from './node';

/** Before all tests: one node; its address reaches the test files through the environment. */
export default async function setup(): Promise<void> {
  const node = await startTestNode();
  process.env.TEST_AMQP_URL = node.amqpUrl;
  process.env.TEST_MANAGEMENT_URL = node.managementUrl;
  process.stdout.write(`tests run on RabbitMQ ${node.version}\n`);
  (globalThis as { testNode?: typeof node }).testNode = node;
}
