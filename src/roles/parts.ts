/** The parts that every role is made of, and how each ends. */
import { type Access, requireAccess } from '../amqp/access';
import { type BrokerConnection, openConnection } from '../amqp/connection';
import { type OpenPublisher, openPublisher } from '../amqp/publisher';
import { offerForDuty } from '../amqp/single-active';
import { requireTopology } from '../bootstrap';
import { systemClock as clock } from '../clock';
import { type Config, PROCESS_NAME } from '../config';
import { followControl } from '../control/control';
import { createRecorder, NO_RECORDER, type Recorder } from '../ledger/recorder';
import type { Lifecycle } from '../lifecycle';
import { sampledLogger } from '../log-sample';
import type { Logger } from '../logger';
import { createMetrics, type Metrics } from '../metrics';
import { apiAccess, consumersAccess } from '../permissions';
import { createScheduler, type Scheduler } from '../scheduler';
import { keepSchedules } from '../schedules/keeper';
import type { Schedules } from '../schedules/schedules';
import type { Consumed } from '../targets';
import { loadTemplates, type Templates } from '../templates';
import { CONTROL, delayTopology, KEEPER } from '../topology';
import { watchTopology } from '../topology-watch';
import { createTracing, type Tracing } from '../tracing';
import { keepVerdicts } from '../verdicts/keeper';
import type { Verdicts } from '../verdicts/verdicts';

/** What a process is asked to be. */
export interface Role {
  readonly name: 'all' | 'api' | 'consumers';
  /** What to consume. */
  readonly targets: readonly Consumed[];
}

/** What the roles share. */
export interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  /** For what is logged of every message that goes well. */
  readonly messageLogger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly lifecycle: Lifecycle;
  readonly templates: Templates;
  readonly publisher: OpenPublisher;
  readonly scheduler: Scheduler;
  readonly recorder: Recorder;
  readonly verdicts: Verdicts;
  readonly schedules: Schedules;
  readonly publishing: BrokerConnection;
  /** Consumes and reads: a memory alarm blocks what publishes. */
  readonly reading: BrokerConnection;
}

/**
 * Connects, and starts what all roles need.
 *
 * @param role its name is shown in the management UI
 * @throws BrokerUnavailableError, AccessRefusedError, TopologyError
 */
export async function startParts(
  role: Role,
  config: Config,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<Parts> {
  const metrics = createMetrics();
  const connectAs = async (purpose: 'publish' | 'consume') => {
    const connection = await openConnection({
      url: config.AMQP_URL,
      tls: config.tls,
      name: `${role.name} ${purpose}@${PROCESS_NAME}`,
      connectWaitMs: config.CONNECT_WAIT_MS,
      onStateChange: metrics.watchConnection(purpose),
      logger,
    });
    lifecycle.onEnd(connection.close);
    return connection;
  };
  const publishing = await connectAs('publish');
  const access = accessOf(role, config.LEDGER);
  await requireAccess(publishing, access, CONTROL);
  const used = [...access.write, ...access.read];
  const topology = delayTopology({ ledger: config.LEDGER });
  await requireTopology(publishing, topology, used);
  const templates = loadTemplates(config.TEMPLATES_DIR);
  const publisher = await publishOn({ config, logger, metrics, lifecycle, publishing });
  const scheduler = createScheduler({ publisher, clock });
  const reading = await connectAs('consume');
  const watch = watchTopology({ connection: reading, topology, used, logger });
  lifecycle.onEnd(watch.close);
  metrics.observe('delay_broker_topology_damaged', () => Number(watch.damaged()));
  const recorder = config.LEDGER ? createRecorder({ publisher, logger }) : NO_RECORDER;
  lifecycle.onEnd(recorder.drain);
  const control = await followControl({
    connection: reading,
    ...{ publisher, scheduler, clock, logger },
    consumerTag: `control@${PROCESS_NAME}`,
  });
  lifecycle.onEnd(control.close);
  const { verdicts, schedules } = control;
  metrics.observe('delay_broker_verdicts', verdicts.size);
  const duty = await offerForDuty({
    connection: reading,
    publisher,
    queue: KEEPER,
    exchange: KEEPER,
    consumerTag: `keeper@${PROCESS_NAME}`,
    onDuty: async (signal) => {
      await Promise.all([
        keepVerdicts({ verdicts, clock, logger }, signal),
        keepSchedules({ schedules, clock, logger }, signal),
      ]);
    },
    logger,
  });
  lifecycle.onEnd(duty.close);
  return {
    ...{ config, logger, metrics, tracing: createTracing(), lifecycle, templates, publisher, scheduler },
    ...{ recorder, verdicts, schedules, publishing, reading },
    messageLogger: sampledLogger(logger, config.LOG_SAMPLE),
  };
}

function accessOf({ name, targets }: Role, ledger: boolean): Access {
  const all = [
    ...(name === 'consumers' ? [] : [apiAccess({ ledger })]),
    ...(name === 'api' ? [] : [consumersAccess({ ledger, targets })]),
  ];
  const names = (of: keyof Access) => [...new Set(all.flatMap((access) => access[of]))];
  return { write: names('write'), read: names('read') };
}

/** Another publisher, on a channel of its own. */
export async function publishOn({
  config,
  logger,
  metrics,
  lifecycle,
  publishing,
}: Pick<Parts, 'config' | 'logger' | 'metrics' | 'lifecycle' | 'publishing'>): Promise<OpenPublisher> {
  const publisher = await openPublisher({
    connection: publishing,
    confirmTimeoutMs: config.CONFIRM_TIMEOUT_MS,
    maxInFlight: config.MAX_IN_FLIGHT,
    onConfirm: metrics.confirmed,
    logger,
  });
  lifecycle.onEnd(publisher.close);
  return publisher;
}
