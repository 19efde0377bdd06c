/** Putting schedules at deploy, beside the bootstrap: those of SCHEDULES_FILE, and the one that comes with the service. */
import type { BrokerConnection } from '../amqp/connection';
import { openPublisher } from '../amqp/publisher';
import { systemClock as clock } from '../clock';
import { type Config, PROCESS_NAME } from '../config';
import { followControl } from '../control/control';
import type { Logger } from '../logger';
import { offeredTemplates } from '../reports/mail';
import { createScheduler } from '../scheduler';
import { payloadSchemas } from '../targets';
import { loadTemplates } from '../templates';
import type { Definition } from './definition';
import { type Definitions, readSchedules } from './file';
import type { Schedules } from './schedules';

/** The schedule that mails a report on each day once it is over. */
export const DAILY_REPORT = 'daily-report';

/**
 * The schedules that are to be put.
 *
 * @throws Error naming what is wrong with SCHEDULES_FILE
 */
export function schedulesToPut(config: Config): Definitions {
  const { SCHEDULES_FILE: path, TEMPLATES_DIR } = config;
  const payloads = payloadSchemas(offeredTemplates(loadTemplates(TEMPLATES_DIR).names));
  return {
    [DAILY_REPORT]: dailyReport(config),
    ...(path !== undefined && readSchedules(path, payloads)),
  };
}

/** Paused while there is nobody to get it, or nothing to make it from. */
function dailyReport({ REPORT_TO: email, REPORT_TIMEZONE: timezone, LEDGER }: Config): Definition {
  return {
    ...{ cron: '0 0 * * *', timezone },
    ...{ to: 'reports', payload: { ...(email && { email }), timezone } },
    ...{ run_at_startup: false, catch_up: 'last', paused: email === undefined || !LEDGER },
  };
}

/** Options of putSchedules. */
export interface PutSchedulesOptions {
  readonly connection: BrokerConnection;
  readonly config: Pick<Config, 'CONFIRM_TIMEOUT_MS'>;
  readonly logger: Logger;
}

/**
 * Puts schedules. Those that are there as they are stay, and so do others; the daily report is not put before it is wanted.
 *
 * @returns a line for people on what was put; undefined for nothing
 * @throws what Schedules.put throws
 */
export async function putSchedules(
  definitions: Definitions,
  { connection, config, logger }: PutSchedulesOptions,
): Promise<string | undefined> {
  const publisher = await openPublisher({
    connection,
    confirmTimeoutMs: config.CONFIRM_TIMEOUT_MS,
    logger,
  });
  const scheduler = createScheduler({ publisher, clock });
  const control = await followControl({
    ...{ connection, publisher, scheduler, clock, logger },
    consumerTag: `control@${PROCESS_NAME}`,
  });
  try {
    // All that is in the stream, however long that takes.
    await control.verdicts.knownFor(clock());
    const put = await putAll(definitions, control.schedules);
    return put.length > 0 ? `${put.length} put: ${put.join(', ')}` : undefined;
  } finally {
    await control.close();
    await publisher.close();
  }
}

async function putAll(definitions: Definitions, schedules: Schedules): Promise<string[]> {
  const put: string[] = [];
  await schedules.known();
  for (const [name, definition] of Object.entries(definitions)) {
    if (name === DAILY_REPORT && definition.paused && !schedules.get(name)) continue;
    const { outcome } = await schedules.put(name, definition);
    put.push(`${name} (${outcome})`);
  }
  return put;
}
