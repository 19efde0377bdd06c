/** The program: starts the parts of a role, and takes them apart again on SIGTERM or SIGINT. */
import type { BrokerConnection } from './amqp/connection';
import { type Config, loadConfig } from './config';
import { messageOf } from './errors';
import { createHealthApp } from './http/app';
import type { Readiness } from './http/health';
import { type HttpServer, serveHttp } from './http/server';
import { createLifecycle, endOnSignal, type Lifecycle } from './lifecycle';
import { createLogger, type Logger } from './logger';
import { startApi } from './roles/api';
import { startConsumers } from './roles/consumers';
import { type Parts, type Role, startParts } from './roles/parts';
import { TARGET_NAMES, type TargetName } from './targets';

/** How long what has started may take to end when something else failed to start, in milliseconds. */
const FAILED_START_TIMEOUT_MS = 1_000;

const USAGE = `usage: node dist/main.js [all | api | consumers [${TARGET_NAMES.join(' ')}]]`;

function roleOf([name = 'all', ...targets]: readonly string[]): Role {
  const wrong = targets.find((target) => !TARGET_NAMES.includes(target as TargetName));
  if (wrong !== undefined) throw new Error(`There is no target "${wrong}".\n${USAGE}`);
  if (name === 'consumers')
    return { name, targets: targets.length > 0 ? (targets as TargetName[]) : TARGET_NAMES };
  if ((name === 'all' || name === 'api') && targets.length === 0)
    return { name, targets: name === 'all' ? TARGET_NAMES : [] };
  throw new Error(`There is no role "${[name, ...targets].join(' ')}".\n${USAGE}`);
}

/** Starts the role's parts, in order. */
async function start(config: Config, role: Role, logger: Logger, lifecycle: Lifecycle): Promise<void> {
  const parts = await startParts(role, config, logger, lifecycle);
  const consumerReadiness = role.targets.length > 0 ? await startConsumers(parts, role.targets) : () => [];
  const readiness = () => [...publishingReadiness(parts.publishing), ...consumerReadiness()];
  const server =
    role.name === 'consumers' ? await serveHealth(parts, readiness) : await startApi(parts, readiness);
  if (!server) return;
  // A slow request must not use up the time of what ends after it.
  lifecycle.onEnd((timeoutMs) => server.drain(timeoutMs / 2));
  logger.info('listening', { role: role.name, url: `http://${config.HTTP_HOST}:${server.port}` });
}

async function serveHealth(
  { config, logger, metrics }: Parts,
  readiness: Readiness,
): Promise<HttpServer | undefined> {
  const { HEALTH_PORT, HTTP_HOST } = config;
  if (HEALTH_PORT === undefined) return undefined;
  return serveHttp(createHealthApp({ readiness, metrics, logger }), HTTP_HOST, HEALTH_PORT, 'HEALTH_PORT');
}

function publishingReadiness(connection: BrokerConnection): string[] {
  const state = connection.state();
  if (state === 'up') return [];
  return [
    state === 'blocked'
      ? `RabbitMQ at ${connection.host} takes no messages: it is short of memory or disk.`
      : `RabbitMQ at ${connection.host} is not reachable.`,
  ];
}

async function main(): Promise<void> {
  const role = roleOf(process.argv.slice(2));
  const config = loadConfig();
  const logger = createLogger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const lifecycle = createLifecycle(logger);
  endOnSignal(lifecycle, config.DRAIN_TIMEOUT_MS, logger);
  try {
    await start(config, role, logger, lifecycle);
  } catch (error) {
    await lifecycle.end(FAILED_START_TIMEOUT_MS);
    throw error;
  }
}

main().catch((error) => {
  process.stderr.write(`delay-broker: ${messageOf(error)}\n`);
  process.exit(1);
});
