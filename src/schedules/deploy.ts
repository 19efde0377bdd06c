/** Putting schedules at deploy, beside the bootstrap of the topology. */
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
import { type Definitions, readSchedules } from './file';

/**
 * The schedules that are to be put.
 *
 * @throws Error naming what is wrong with SCHEDULES_FILE
 */
export function schedulesToPut({ SCHEDULES_FILE, TEMPLATES_DIR }: Config): Definitions {
  if (SCHEDULES_FILE === undefined) return {};
  return readSchedules(SCHEDULES_FILE, payloadSchemas(offeredTemplates(loadTemplates(TEMPLATES_DIR).names)));
}

/** Options of putSchedules. */
export interface PutSchedulesOptions {
  readonly connection: BrokerConnection;
  readonly config: Pick<Config, 'CONFIRM_TIMEOUT_MS'>;
  readonly logger: Logger;
}

/**
 * Puts schedules; those that are there as they are, and others, stay.
 *
 * @returns a line for people on what was put
 * @throws what Schedules.put throws
 */
export async function putSchedules(
  definitions: Definitions,
  { connection, config, logger }: PutSchedulesOptions,
): Promise<string> {
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
    const said: string[] = [];
    for (const [name, definition] of Object.entries(definitions)) {
      const { outcome } = await control.schedules.put(name, definition);
      said.push(`${name} (${outcome})`);
    }
    return `${said.length} put: ${said.join(', ')}`;
  } finally {
    await control.close();
    await publisher.close();
  }
}
