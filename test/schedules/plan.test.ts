/** A schedule's life against the pure part: a year in a second. */
import fc from 'fast-check';
import { type Definition, definitionSchema } from '../../src/schedules/definition';
import { createScheduleMemory, type Schedule } from '../../src/schedules/memory';
import { nextTime, nextTimes, planTick, TICK_LEAD_MS, type Tick } from '../../src/schedules/plan';
import { startupOf } from '../../src/schedules/schedules';

const NOON = Date.parse('2026-11-25T12:00:00Z');
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

interface Run {
  readonly at: number;
  /** When it was published. */
  readonly by: number;
}

/** One process, the stream and the wheel, on a clock that is turned. */
function createLife(name = 'sweep') {
  const memory = createScheduleMemory();
  const ticks: (Tick & { readonly dueAt: number })[] = [];
  const runs: Run[] = [];
  let now = NOON;
  let repeatable = 0;

  const publish = (tick: Tick) => ticks.push({ ...tick, dueAt: Math.max(now, tick.at - TICK_LEAD_MS) });

  /** What a tick leads to; `steps` is how many of them are done before the process dies. */
  function handle(tick: Tick, steps = 3): void {
    const plan = planTick(memory.get(name), tick, now);
    if (!plan) return;
    const { doneAt, nextAt } = plan;
    if (steps === 1 || steps === 2) repeatable += plan.runs.length;
    if (steps >= 1) runs.push(...plan.runs.map((at) => ({ at, by: now })));
    if (steps >= 2 && nextAt !== undefined) publish({ ...tick, at: nextAt });
    if (steps >= 3 && doneAt !== undefined)
      memory.note({ kind: 'ticked', ...tick, at: doneAt, runs: plan.runs }, now);
  }

  return {
    runs,
    ticks,
    now: () => now,
    /** How many runs were published by whoever died before that was noted. */
    repeatable: () => repeatable,
    schedule: () => memory.get(name),
    put(change: Partial<Definition>): Schedule {
      const before = memory.get(name);
      const definition = { to: 'orders', payload: {}, ...change };
      const { data } = definitionSchema.safeParse(definition);
      const startupAt = data && startupOf(data, before, now);
      const about = { name, revision: memory.nextRevision(name, now), startupAt, putAt: now };
      memory.note({ kind: 'schedule', ...about, createdAt: before?.createdAt ?? now, definition }, now);
      return memory.get(name) as Schedule;
    },
    remove(): void {
      const about = { name, revision: memory.nextRevision(name, now), createdAt: now, putAt: now };
      memory.note({ kind: 'schedule', ...about, definition: null }, now);
    },
    /** A tick for what is next, as after a put, or as the keeper does. */
    tick(): void {
      const schedule = memory.get(name);
      const at = nextTime(schedule);
      if (schedule && at !== undefined) publish({ name, revision: schedule.revision, at });
    },
    /** Lets time go by; `steps` says of each tick how far its handling comes, and it comes again where that is not to the end. */
    live(until: number, steps: () => number = () => 3): void {
      for (;;) {
        ticks.sort((a, b) => a.dueAt - b.dueAt);
        const [first] = ticks;
        if (!first || first.dueAt > until) break;
        ticks.shift();
        now = Math.max(now, first.dueAt);
        const done = steps();
        handle(first, done);
        if (done < 3) ticks.unshift(first);
      }
      now = Math.max(now, until);
    },
    /** Time goes by, and nothing is handled. */
    sleep(until: number): void {
      now = until;
    },
  };
}

const times = (runs: readonly Run[]) => runs.map(({ at }) => at);

test('a year of three runs a day, each published two seconds before its time', () => {
  const life = createLife();
  life.put({ cron: '0 8,12,18 * * *', timezone: 'Europe/Berlin' });
  life.tick();
  life.live(NOON + 365 * DAY_MS);
  expect(life.runs).toHaveLength(3 * 365);
  expect(life.runs.every(({ at, by }) => at - by === TICK_LEAD_MS)).toBe(true);
  expect(life.ticks).toHaveLength(1);
});

test('a schedule years ahead runs, however often its tick has to go round for it', () => {
  const life = createLife();
  const startsAt = '2045-06-01T00:00:00Z';
  life.put({ cron: '0 12 * * *', starts_at: startsAt, ends_at: '2045-06-02T00:00:00Z' });
  life.tick();
  const [tick] = life.ticks;
  life.ticks.splice(0, 1, { ...(tick as Tick), dueAt: NOON + 3_650 * DAY_MS });
  life.live(Date.parse('2046-01-01T00:00:00Z'));
  expect(times(life.runs)).toEqual([Date.parse('2045-06-01T12:00:00Z')]);
  expect(life.ticks).toEqual([]);
});

test('put fifty times and ticked by whoever, it runs each time once', () => {
  const life = createLife();
  for (let i = 0; i < 50; i++) {
    life.put({ every: '1m', run_at_startup: true });
    life.tick();
    life.tick();
  }
  life.live(NOON + 10 * MINUTE_MS);
  expect(times(life.runs)).toEqual([
    NOON,
    ...Array.from({ length: 10 }, (_, i) => NOON + (i + 1) * MINUTE_MS),
  ]);
  expect(life.ticks).toHaveLength(1);
});

test('with a run at startup it runs once when it is first put, and not when it is put again', () => {
  const life = createLife();
  life.put({ cron: '0 18 * * *', run_at_startup: true });
  life.tick();
  life.live(NOON + MINUTE_MS);
  life.put({ cron: '0 19 * * *', run_at_startup: true });
  life.tick();
  life.live(NOON + DAY_MS / 2);
  expect(times(life.runs)).toEqual([NOON, Date.parse('2026-11-25T19:00:00Z')]);
});

test.each(['last', 'none', 'all'] as const)(
  'the run at startup is made beside those that were missed, with catch_up %s',
  (catch_up) => {
    const life = createLife();
    life.put({ every: '10m', run_at_startup: true, catch_up });
    life.tick();
    life.sleep(NOON + 10.5 * MINUTE_MS);
    life.live(NOON + 11 * MINUTE_MS);
    expect(times(life.runs)).toEqual([NOON, NOON + 10 * MINUTE_MS]);
  },
);

test('put again before its first tick it owes its run at startup still, and nothing of the time between', () => {
  const life = createLife();
  life.put({ cron: '0 0 1 1 *', run_at_startup: true });
  life.sleep(NOON + 3 * DAY_MS);
  life.put({ cron: '0 * * * *', run_at_startup: true, catch_up: 'all' });
  life.tick();
  life.live(NOON + 3 * DAY_MS + 60 * MINUTE_MS);
  expect(times(life.runs)).toEqual([NOON, NOON + 3 * DAY_MS + 60 * MINUTE_MS]);
});

test.each([
  ['paused', { run_at_startup: true, paused: true }],
  ['put without', {}],
])('first %s, it has no run at startup later on, and makes up for nothing', (_, change) => {
  const life = createLife();
  life.put({ cron: '0 * * * *', catch_up: 'all', ...change });
  life.sleep(NOON + 3 * DAY_MS);
  life.put({ cron: '0 * * * *', catch_up: 'all', run_at_startup: true });
  life.tick();
  life.live(NOON + 3 * DAY_MS + 60 * MINUTE_MS);
  expect(times(life.runs)).toEqual([NOON + 3 * DAY_MS + 60 * MINUTE_MS]);
});

test('deleted and put anew, it runs at startup, whatever was run ahead before', () => {
  const life = createLife();
  life.put({ every: '1s' });
  life.tick();
  life.live(NOON + 3_000);
  life.remove();
  life.put({ every: '1s', run_at_startup: true });
  life.tick();
  life.live(NOON + 4_000);
  expect(times(life.runs).filter((at) => at === NOON + 3_000)).toHaveLength(2);
  expect(life.schedule()?.done?.runs).toContain(NOON + 3_000);
});

test('paused it does not run, and resumed it does not make up for what lay in between', () => {
  const life = createLife();
  life.put({ every: '1m' });
  life.tick();
  life.live(NOON + 2 * MINUTE_MS);
  life.put({ every: '1m', paused: true });
  life.live(NOON + 5.5 * MINUTE_MS);
  expect(life.ticks).toEqual([]);
  life.put({ every: '1m' });
  life.tick();
  life.live(NOON + 7 * MINUTE_MS);
  expect(times(life.runs)).toEqual([1, 2, 6, 7].map((minutes) => NOON + minutes * MINUTE_MS));
});

test.each([
  ['last', [10]],
  ['none', []],
  ['all', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
] as const)('after an outage of ten runs, with catch_up %s, these are run: %j', (catch_up, expected) => {
  const life = createLife();
  life.put({ every: '10m', catch_up });
  life.tick();
  life.sleep(NOON + 109 * MINUTE_MS);
  life.live(NOON + 120 * MINUTE_MS);
  const late = life.runs.filter(({ at, by }) => at < by);
  expect(times(late)).toEqual(expected.map((n) => NOON + n * 10 * MINUTE_MS));
  expect(times(life.runs)).toEqual([...times(late), NOON + 110 * MINUTE_MS, NOON + 120 * MINUTE_MS]);
});

test('what is a moment late runs, also where nothing is made up for', () => {
  const life = createLife();
  life.put({ every: '10m', catch_up: 'none' });
  life.tick();
  life.sleep(NOON + 10.5 * MINUTE_MS);
  life.live(NOON + 11 * MINUTE_MS);
  expect(times(life.runs)).toEqual([NOON + 10 * MINUTE_MS]);
});

test('of very many missed runs the latest hundred are made up for', () => {
  const life = createLife();
  life.put({ every: '1s', catch_up: 'all' });
  life.tick();
  life.sleep(NOON + 30 * DAY_MS);
  life.live(NOON + 30 * DAY_MS);
  const late = times(life.runs).filter((at) => at <= NOON + 30 * DAY_MS);
  expect(late).toEqual(Array.from({ length: 100 }, (_, i) => NOON + 30 * DAY_MS - (99 - i) * 1_000));
});

test('what is deleted, or cannot be read, has no next time', () => {
  expect(nextTime(undefined)).toBeUndefined();
  const life = createLife();
  life.put({ every: '1m', moon: 'full' } as object);
  expect(nextTime(life.schedule())).toBeUndefined();
  life.tick();
  expect(life.ticks).toEqual([]);
});

test('the next times are shown in order, as many as there are', () => {
  const life = createLife();
  const schedule = life.put({ every: '1h', ends_at: '2026-11-25T15:30:00Z' });
  expect(nextTimes(schedule, 5)).toEqual([1, 2, 3].map((hours) => NOON + hours * 60 * MINUTE_MS));
  expect(nextTimes(schedule, 2)).toHaveLength(2);
});

test('a tick that comes for a time that is none any more, as a zone has changed its rules, leads to the right one', () => {
  const life = createLife();
  const { name, revision } = life.put({ cron: '0 18 * * *' });
  life.ticks.push({ name, revision, at: NOON + 5 * MINUTE_MS, dueAt: NOON + 5 * MINUTE_MS });
  life.live(NOON + DAY_MS / 2);
  expect(times(life.runs)).toEqual([Date.parse('2026-11-25T18:00:00Z')]);
});

test('whatever happens to ticks, processes and definitions, nothing is left out, and a crash repeats one step', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ live: fc.integer({ min: 1, max: 5 * MINUTE_MS }) }) },
    { weight: 2, arbitrary: fc.constantFrom('tick', 'lose') },
    { weight: 1, arbitrary: fc.constant('put') },
  );
  const property = fc.property(
    fc.array(step, { maxLength: 40 }),
    fc.infiniteStream(fc.constantFrom(3, 3, 3, 2, 1, 0)),
    (steps, progress) => {
      const life = createLife();
      const put = () => {
        life.put({ every: '1m', catch_up: 'all', payload: { put: life.now() } });
        life.tick();
      };
      const dying = () => progress.next().value as number;
      put();
      for (const each of steps) {
        if (each === 'tick') life.tick();
        else if (each === 'lose') life.ticks.splice(0);
        else if (each === 'put') put();
        else life.live(life.now() + (each as { live: number }).live, dying);
      }
      life.tick();
      life.live(life.now() + 2 * MINUTE_MS);

      const run = [...new Set(times(life.runs))];
      expect(life.runs.length - run.length).toBeLessThanOrEqual(life.repeatable());
      expect(life.ticks).toHaveLength(1);
      // What was overdue as it was put anew is no longer its concern, so with both some may be missing.
      if (steps.includes('put') && steps.includes('lose')) return;
      const count = Math.floor((life.now() + TICK_LEAD_MS - NOON) / MINUTE_MS);
      expect(run.sort((a, b) => a - b)).toEqual(
        Array.from({ length: count }, (_, i) => NOON + (i + 1) * MINUTE_MS),
      );
    },
  );
  fc.assert(property, { numRuns: 500 });
});
