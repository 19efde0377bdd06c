/** The program: starts the parts of a role, and takes them apart again on SIGTERM or SIGINT. */
import type { OpenPublisher } from './amqp/publisher';
import { type Config, loadConfig } from './config';
import { messageOf } from './errors';
import { createHealthApp } from './http/app';
import { type Exposure, requireProtection } from './http/exposure';
import type { Readiness } from './http/health';
import { type HttpServer, serveHttp } from './http/server';
import { createLifecycle, endOnSignal, type Lifecycle } from './lifecycle';
import { createLogger, type Logger } from './logger';
import { startApi } from './roles/api';
import { startConsumers } from './roles/consumers';
import { type Parts, type Role, startParts } from './roles/parts';
import { CONSUMED, type Consumed } from './targets';

/** How long what has started may take to end when something else failed to start, in milliseconds. */
const FAILED_START_TIMEOUT_MS = 1_000;

const USAGE = `usage: node dist/main.js [all | api | consumers [${CONSUMED.join(' ')}]]`;

function roleOf([name = 'all', ...targets]: readonly string[]): Role {
  const wrong = targets.find((target) => !CONSUMED.includes(target as Consumed));
  if (wrong !== undefined) throw new Error(`There is no target "${wrong}".\n${USAGE}`);
  if (name === 'consumers') return { name, targets: targets.length > 0 ? (targets as Consumed[]) : CONSUMED };
  if ((name === 'all' || name === 'api') && targets.length === 0)
    return { name, targets: name === 'all' ? CONSUMED : [] };
  throw new Error(`There is no role "${[name, ...targets].join(' ')}".\n${USAGE}`);
}

/** Starts the role's parts, in order. */
async function start(config: Config, role: Role, logger: Logger, lifecycle: Lifecycle): Promise<void> {
  const parts = await startParts(role, config, logger, lifecycle);
  const consumerReadiness = role.targets.length > 0 ? await startConsumers(parts, role.targets) : () => [];
  const readiness = () => [...publishingReadiness(parts.publisher), ...consumerReadiness()];
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
  const { HEALTH_PORT: port, HTTP_HOST: host, MAX_CONNECTIONS: connections } = config;
  if (port === undefined) return undefined;
  const app = createHealthApp({ readiness, metrics, logger });
  return serveHttp(app, { host, port, variable: 'HEALTH_PORT', limits: { connections }, logger });
}

function publishingReadiness({ refusal }: OpenPublisher): string[] {
  const why = refusal();
  return why === undefined ? [] : [why];
}

function exposureOf({ HTTP_HOST, API_KEYS = [], ALLOW_ANONYMOUS }: Config): Exposure {
  return { host: HTTP_HOST, keys: API_KEYS.length, allowAnonymous: ALLOW_ANONYMOUS };
}

async function main(): Promise<void> {
  const role = roleOf(process.argv.slice(2));
  const config = loadConfig();
  if (role.name !== 'consumers') requireProtection(exposureOf(config));
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
