/** A consumer of AMQP_URL's orders that ends its process, as a crash would, on one payload. */
const { writeSync } = require('node:fs');
const { openConnection } = require('../../dist/amqp/connection');
const { openPublisher } = require('../../dist/amqp/publisher');
const { done } = require('../../dist/consumers/outcome');
const { runTarget } = require('../../dist/consumers/runtime');
const { followControl } = require('../../dist/control/control');
const { NO_RECORDER } = require('../../dist/ledger/recorder');
const { createLogger } = require('../../dist/logger');
const { createMetrics } = require('../../dist/metrics');
const { createScheduler } = require('../../dist/scheduler');

async function main() {
  const logger = createLogger({ level: 'info', format: 'json' });
  const connection = await openConnection({
    url: process.env.AMQP_URL ?? '',
    name: 'fatal',
    connectWaitMs: 0,
    logger,
  });
  const publisher = await openPublisher({ connection, confirmTimeoutMs: 5_000, logger });
  const clock = Date.now;
  const scheduler = createScheduler({ publisher, clock });
  const { verdicts } = await followControl({
    ...{ connection, publisher, scheduler, clock, logger },
    consumerTag: 'control',
  });
  await runTarget({
    target: 'orders',
    handler: async ({ payload }) => {
      if (payload === 'fatal') {
        writeSync(process.stdout.fd, '{"message":"dying"}\n');
        process.exit(1);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
      return done;
    },
    connection,
    publisher,
    scheduler,
    verdicts,
    recorder: NO_RECORDER,
    clock,
    handlers: 50,
    prefetch: 300,
    retryPolicy: { maxAttempts: 1, baseMs: 0, factor: 1, capMs: 0 },
    consumerTag: 'fatal',
    metrics: createMetrics(),
    logger,
  });
}

main();
