import { join } from 'node:path';
import { loadConfig } from '../../src/config';
import { createHandlers } from '../../src/consumers/handlers';
import { done } from '../../src/consumers/outcome';
import { TARGET_NAMES, type TargetName } from '../../src/targets';
import { loadTemplates } from '../../src/templates';
import { NO_TRACING } from '../../src/tracing';
import { recordedLog } from '../broker/world';
import { scriptedServer } from './calls/scripted-server';

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

/** Handlers as the configuration makes them, with nothing on the broker's side. */
function create(env: Record<string, string>, targets: readonly TargetName[] = TARGET_NAMES) {
  const logger = recordedLog();
  const publisher = { publish: async () => {}, close: async () => {} };
  const handlers = createHandlers({
    config: loadConfig({ AMQP_URL: 'amqp://localhost', ...env }),
    targets,
    publisher,
    relay: { publisher, exchangeExists: async () => true },
    templates: loadTemplates(join(__dirname, '../../templates')),
    reporter: undefined,
    tracing: NO_TRACING,
    clock: Date.now,
    logger,
  });
  return { ...handlers, log: logger.lines };
}

const message = { id: 'm', dueAt: 0, acceptedAt: 0, attempt: 1, delivery: 'd' };

test.each<[string, Record<string, string>, TargetName[] | undefined, number]>([
  ['without a secret', {}, ['orders', 'webhooks'], 1],
  ['without a secret, consuming everything', {}, undefined, 1],
  ['without a secret, consuming no webhooks', {}, ['orders', 'emails'], 0],
  ['with a secret', { WEBHOOK_SECRET }, ['webhooks'], 0],
])('%s: a warning that webhooks go out unsigned', async (_, env, targets, warnings) => {
  const { log, close } = create(env, targets);
  const warning = { level: 'warn', event: 'webhooks go out unsigned', why: 'WEBHOOK_SECRET is not set' };
  expect(log).toEqual(Array(warnings).fill(warning));
  await close();
});

test('the order service may be anywhere, a webhook only where it is allowed', async () => {
  const server = await scriptedServer();
  const url = `http://${server.host}/`;
  const order = { ...message, to: 'orders', payload: { order_id: 'A1' } };
  const webhook = { ...message, to: 'webhooks', payload: { url } };

  const strict = create({ ORDER_CALLBACK_URL: url, WEBHOOK_SECRET });
  await expect(strict.byTarget.orders(order)).resolves.toMatchObject({ kind: 'done' });
  await expect(strict.byTarget.webhooks(webhook)).resolves.toMatchObject({ kind: 'reject' });
  const open = create({ WEBHOOK_SECRET, WEBHOOK_ALLOW: '127.0.0.1' });
  await expect(open.byTarget.webhooks(webhook)).resolves.toEqual(done);
  expect(server.received.map(({ headers }) => 'webhook-signature' in headers)).toEqual([false, true]);

  await Promise.all([strict.close(), open.close()]);
  await server.close();
});
