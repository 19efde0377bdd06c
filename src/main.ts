/** The program: puts the parts together for a role, and takes them apart again on SIGTERM or SIGINT. */
import { type BrokerConnection, openConnection } from './amqp/connection';
import { createExchangeCheck } from './amqp/exchanges';
import { type OpenPublisher, openPublisher } from './amqp/publisher';
import { requireTopology } from './bootstrap';
import { systemClock as clock } from './clock';
import { type Config, loadConfig, PROCESS_NAME } from './config';
import { createHandlers } from './consumers/handlers';
import { runTarget, type TargetRunner } from './consumers/runtime';
import { messageOf } from './errors';
import { type AccessOptions, createApp, createHealthApp } from './http/app';
import { type Exposure, requireProtection } from './http/exposure';
import type { Readiness } from './http/health';
import { type HttpServer, serveHttp } from './http/server';
import { createLifecycle, endOnSignal, type Lifecycle } from './lifecycle';
import { sampledLogger } from './log-sample';
import { createLogger, type Logger } from './logger';
import { createParkingLot } from './parking-lot';
import { createScheduler, type Scheduler } from './scheduler';
import { TARGET_NAMES, type TargetName } from './targets';
import { loadTemplates, type Templates } from './templates';
import { delayTopology } from './topology';

/** What this process is asked to be. */
interface Role {
  readonly name: 'all' | 'api' | 'consumers';
  /** The targets to consume. */
  readonly targets: readonly TargetName[];
}

/** What the parts of a role share. */
interface Parts {
  readonly config: Config;
  readonly role: Role;
  readonly logger: Logger;
  /** For what is logged of every message that goes well. */
  readonly messageLogger: Logger;
  readonly templates: Templates;
  readonly publisher: OpenPublisher;
  readonly scheduler: Scheduler;
  readonly publishing: BrokerConnection;
  /** Consumes and reads: a memory alarm blocks what publishes. */
  readonly reading: BrokerConnection;
}

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
  const publishing = await connectAs(`${role.name} publish`, config, logger, lifecycle);
  await requireTopology(publishing, delayTopology());
  const publisher = await publishOn(publishing, config, logger, lifecycle);
  const scheduler = createScheduler({ publisher, clock });
  const templates = loadTemplates(config.TEMPLATES_DIR);
  const reading = await connectAs(`${role.name} consume`, config, logger, lifecycle);
  const messageLogger = sampledLogger(logger, config.LOG_SAMPLE);
  const parts: Parts = {
    config,
    role,
    logger,
    messageLogger,
    templates,
    publisher,
    scheduler,
    publishing,
    reading,
  };

  const consumerReadiness = role.targets.length > 0 ? await startConsumers(parts, lifecycle) : () => [];
  const readiness = () => [...publishingReadiness(publisher), ...consumerReadiness()];
  await startHttp(parts, readiness, lifecycle);
}

async function connectAs(
  purpose: string,
  config: Config,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<BrokerConnection> {
  const connection = await openConnection({
    url: config.AMQP_URL,
    name: `${purpose}@${PROCESS_NAME}`,
    connectWaitMs: config.CONNECT_WAIT_MS,
    logger,
  });
  lifecycle.onEnd(connection.close);
  return connection;
}

async function publishOn(
  connection: BrokerConnection,
  config: Config,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<OpenPublisher> {
  const publisher = await openPublisher({
    connection,
    confirmTimeoutMs: config.CONFIRM_TIMEOUT_MS,
    maxInFlight: config.MAX_IN_FLIGHT,
    logger,
  });
  lifecycle.onEnd(publisher.close);
  return publisher;
}

async function startConsumers(
  { config, role, logger, messageLogger, templates, publisher, scheduler, publishing, reading }: Parts,
  lifecycle: Lifecycle,
): Promise<Readiness> {
  const relay = {
    publisher: await publishOn(publishing, config, logger, lifecycle),
    exchangeExists: createExchangeCheck(reading),
  };
  const handlers = createHandlers({
    config,
    targets: role.targets,
    publisher,
    relay,
    templates,
    clock,
    logger: messageLogger,
  });
  lifecycle.onEnd(handlers.close);
  const runners = new Map<TargetName, TargetRunner>();
  lifecycle.onEnd(async (timeoutMs) => {
    const drained = await Promise.all([...runners.values()].map((runner) => runner.drain(timeoutMs)));
    return drained.every(Boolean);
  });
  for (const target of role.targets) {
    runners.set(
      target,
      await runTarget({
        target,
        handler: handlers.byTarget[target],
        connection: reading,
        publisher,
        scheduler,
        clock,
        ...config.targets[target],
        consumerTag: `${target}@${PROCESS_NAME}`,
        logger,
        messageLogger,
      }),
    );
    logger.info('consuming', { to: target });
  }
  return () =>
    [...runners].filter(([, runner]) => !runner.active()).map(([target]) => `Not consuming ${target}.`);
}

async function startHttp(
  { config, role, logger, messageLogger, templates, scheduler, reading }: Parts,
  readiness: Readiness,
  lifecycle: Lifecycle,
): Promise<void> {
  const listen = { host: config.HTTP_HOST, limits: { connections: config.MAX_CONNECTIONS }, logger };
  let server: HttpServer;
  if (role.name === 'consumers') {
    if (config.HEALTH_PORT === undefined) return;
    const app = createHealthApp({ readiness, logger });
    server = await serveHttp(app, { ...listen, port: config.HEALTH_PORT, variable: 'HEALTH_PORT' });
  } else {
    const parkingLot = createParkingLot({ connection: reading, scheduler, clock, logger });
    const templateNames = templates.names;
    const access = accessOf(config);
    const app = createApp({
      scheduler,
      clock,
      templateNames,
      parkingLot,
      readiness,
      logger,
      messageLogger,
      access,
    });
    server = await serveHttp(app, { ...listen, port: config.HTTP_PORT });
  }
  // A slow request must not use up the time of what ends after it.
  lifecycle.onEnd((timeoutMs) => server.drain(timeoutMs / 2));
  logger.info('listening', { role: role.name, url: `http://${config.HTTP_HOST}:${server.port}` });
}

function publishingReadiness({ refusal }: OpenPublisher): string[] {
  const why = refusal();
  return why === undefined ? [] : [why];
}

function accessOf({ API_KEYS, PUBLIC_PATHS, RATE_LIMIT, TRUST_PROXY }: Config): AccessOptions {
  return {
    keys: API_KEYS ?? [],
    publicPaths: PUBLIC_PATHS,
    rateLimit: RATE_LIMIT,
    trustedProxies: TRUST_PROXY,
  };
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
