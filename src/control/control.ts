/**
 * The control stream, followed: what every process has to agree on without asking another one. All of it is small, is
 * read from the beginning, and is kept in memory.
 */
import { randomUUID } from 'node:crypto';
import type { BrokerConnection } from '../amqp/connection';
import type { Publisher } from '../amqp/publisher';
import { followStream } from '../amqp/stream-follower';
import type { Clock } from '../clock';
import type { Logger } from '../logger';
import type { Scheduler } from '../scheduler';
import type { ScheduleEntry } from '../schedules/entry';
import { createScheduleMemory } from '../schedules/memory';
import { createSchedules, type Schedules } from '../schedules/schedules';
import { CONTROL } from '../topology';
import { createVerdictMemory } from '../verdicts/memory';
import { createVerdicts, type Verdicts } from '../verdicts/verdicts';
import { type ControlStream, decodeControl, encodeControl } from './entry';

/** What the stream says. */
export interface Control {
  readonly verdicts: Verdicts;
  readonly schedules: Schedules;
  close(): Promise<void>;
}

/** Options of followControl. */
export interface ControlOptions {
  /** Reads. A consumer's own: if the verdicts stop, so do its deliveries. */
  readonly connection: BrokerConnection;
  readonly publisher: Pick<Publisher, 'publish'>;
  /** For the ticks of schedules. */
  readonly scheduler: Pick<Scheduler, 'schedule'>;
  readonly clock: Clock;
  /** Shown in the management UI. */
  readonly consumerTag: string;
  readonly logger: Logger;
}

/**
 * Reads all of the control stream and follows it.
 *
 * @throws amqplib's error when the stream is not there or may not be read
 */
export async function followControl(options: ControlOptions): Promise<Control> {
  const { publisher, scheduler, clock, logger } = options;
  const verdictMemory = createVerdictMemory(clock);
  const scheduleMemory = createScheduleMemory();
  const noteSchedule = (entry: ScheduleEntry, writtenAt: number) => {
    scheduleMemory.note(entry, writtenAt);
    const { name } = entry;
    const schedule = scheduleMemory.get(name);
    if (schedule && 'fault' in schedule && entry.kind === 'schedule')
      logger.warn('schedule cannot be read, does not run', { schedule: name, error: schedule.fault });
  };

  const follower = await followStream({
    ...options,
    stream: CONTROL,
    exchange: CONTROL,
    onEntry: ({ content, properties }) => {
      const entry = decodeControl(content);
      const writtenAt = Number(properties.timestamp ?? 0) * 1_000;
      if (entry?.kind === 'schedule' || entry?.kind === 'ticked') noteSchedule(entry, writtenAt);
      else if (entry) verdictMemory.note(entry, writtenAt);
    },
    // What was said stays true when the stream is deleted; it has to be written again.
    onRenewed() {
      verdictMemory.noteStreamLost();
      scheduleMemory.noteStreamLost();
    },
  });
  const stream: ControlStream = {
    knownSince: follower.knownSince,
    caughtUp: follower.caughtUp,
    write: (entry, id = randomUUID()) =>
      publisher.publish({
        exchange: CONTROL,
        routingKey: '',
        content: encodeControl(entry),
        properties: {
          messageId: id,
          type: entry.kind,
          timestamp: Math.floor(clock() / 1_000),
          contentType: 'application/json',
        },
      }),
  };
  const verdicts = createVerdicts({ stream, memory: verdictMemory, clock, logger });
  return {
    verdicts,
    schedules: createSchedules({ stream, memory: scheduleMemory, scheduler, clock }),
    async close() {
      await verdicts.close();
      await follower.close();
    },
  };
}
