/** Schedules without a broker: what is written is known at once. */
import type { Clock } from '../src/clock';
import { decodeControl, encodeControl } from '../src/control/entry';
import type { Scheduler } from '../src/scheduler';
import type { ScheduleEntry } from '../src/schedules/entry';
import { createScheduleMemory } from '../src/schedules/memory';
import { createSchedules, type Schedules } from '../src/schedules/schedules';

/** Schedules whose ticks go to this scheduler; `before` runs in the broker's place before anything is written, and can throw. */
export function createMemorySchedules({
  clock,
  scheduler,
  before = () => {},
}: {
  clock: Clock;
  scheduler: Pick<Scheduler, 'schedule'>;
  before?: (entry: ScheduleEntry) => void | Promise<void>;
}): Schedules & { readonly written: ScheduleEntry[]; note(entry: ScheduleEntry): void } {
  const memory = createScheduleMemory();
  const written: ScheduleEntry[] = [];
  const note = (entry: ScheduleEntry) =>
    memory.note(decodeControl(encodeControl(entry)) as ScheduleEntry, clock());
  const stream = {
    knownSince: async () => {},
    caughtUp: () => true,
    async write(entry: object) {
      await before(entry as ScheduleEntry);
      written.push(entry as ScheduleEntry);
      note(entry as ScheduleEntry);
    },
  };
  return { ...createSchedules({ stream, memory, scheduler, clock }), written, note };
}
