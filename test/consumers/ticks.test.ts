import { createTicksHandler } from '../../src/consumers/ticks';
import { BrokerUnavailableError } from '../../src/errors';
import type { LedgerEntry } from '../../src/ledger/entry';
import { NO_RECORDER } from '../../src/ledger/recorder';
import { createScheduler, type ScheduleRequest, type Scheduler } from '../../src/scheduler';
import { definitionSchema } from '../../src/schedules/definition';
import type { Tick } from '../../src/schedules/plan';
import { recordedLog } from '../broker/world';
import { createMemorySchedules } from '../memory-schedules';

const NOON = Date.parse('2026-11-25T12:00:00Z');
const MINUTE_MS = 60_000;

let now: number;
let published: ScheduleRequest[];
let recorded: LedgerEntry[];
/** Runs in the broker's place before anything is published, and can throw. */
let before: (request: ScheduleRequest) => void;
let scheduler: Pick<Scheduler, 'schedule'>;
beforeEach(() => {
  now = NOON;
  published = [];
  recorded = [];
  before = () => {};
  const inner = createScheduler({ publisher: { publish: async () => {} }, clock: () => now });
  scheduler = {
    async schedule(request) {
      before(request);
      published.push(request);
      return inner.schedule(request);
    },
  };
});

const start = (schedules: ReturnType<typeof createMemorySchedules>) => {
  const recorder = {
    ...NO_RECORDER,
    async record(entry: LedgerEntry) {
      recorded.push(entry);
    },
  };
  const handler = createTicksHandler({
    ...{ schedules, scheduler, recorder },
    clock: () => now,
    logger: recordedLog(),
  });
  return (payload: Tick) => handler({ payload } as never, new AbortController().signal);
};
const begin = async (change: object = {}) => {
  const schedules = createMemorySchedules({ clock: () => now, scheduler });
  const definition = {
    every: '1m',
    to: 'orders',
    payload: { order_id: 'sweep' },
    catch_up: 'all',
    ...change,
  };
  await schedules.put('sweep', definitionSchema.parse(definition));
  const [first] = published.splice(0);
  return { schedules, tick: first?.payload as Tick };
};

const runs = () => published.filter(({ to }) => to === 'orders');
const ticks = () => published.filter(({ to }) => to === 'ticks').map(({ payload }) => payload as Tick);

test('a tick publishes its run for its time, then the next tick, and notes both', async () => {
  const { schedules, tick } = await begin();
  now = NOON + MINUTE_MS - 2_000;
  await start(schedules)(tick);
  const id = 'schedule:sweep:2026-11-25T12:01:00.000Z';
  expect(runs()).toMatchObject([
    { id, delivery: id, dueAt: NOON + MINUTE_MS, payload: { order_id: 'sweep' } },
  ]);
  expect(ticks()).toEqual([{ ...tick, at: NOON + 2 * MINUTE_MS }]);
  expect(recorded).toMatchObject([{ kind: 'accepted', id, key: 'schedule:sweep' }]);
  expect(schedules.get('sweep')?.done).toMatchObject({ at: NOON + MINUTE_MS, runs: [NOON + MINUTE_MS] });
});

test('a tick that comes again, or for an older definition, ends there', async () => {
  const { schedules, tick } = await begin();
  const handle = start(schedules);
  now = NOON + MINUTE_MS - 2_000;
  await handle(tick);
  await handle(tick);
  await start(schedules)(tick);
  await handle({ ...tick, revision: '0' });
  expect([runs().length, ticks().length]).toEqual([1, 1]);
});

test('what was published as another publish failed is not published again by the same process', async () => {
  const { schedules, tick } = await begin();
  const handle = start(schedules);
  now = NOON + 4.5 * MINUTE_MS;
  let asked = 0;
  before = () => {
    if (++asked === 3) throw new BrokerUnavailableError('RabbitMQ at mq is not reachable.');
  };
  await expect(handle(tick)).rejects.toThrow('not reachable');
  await handle(tick);
  const minutes = runs().map(({ dueAt }) => (dueAt - NOON) / MINUTE_MS);
  expect(minutes).toEqual([1, 2, 3, 4]);
});

test('what another process publishes again is the same in all by which a copy is recognised', async () => {
  const { schedules, tick } = await begin();
  now = NOON + 4.5 * MINUTE_MS;
  // The first process dies before it has noted what is done.
  before = ({ to }) => {
    if (to === 'ticks') throw new BrokerUnavailableError('RabbitMQ at mq is not reachable.');
  };
  await expect(start(schedules)(tick)).rejects.toThrow('not reachable');
  before = () => {};
  now += 1_000;
  await start(schedules)(tick);
  const names = runs().map(({ id, delivery, dueAt, isLate }) => `${id} ${delivery} ${dueAt} ${isLate}`);
  expect([names.length, new Set(names).size]).toEqual([8, 4]);
});

test('deleted and put anew, a schedule runs at its startup, whatever was published before', async () => {
  const { schedules, tick } = await begin({ every: '1s' });
  const handle = start(schedules);
  now = NOON + 500;
  await handle(tick);
  await schedules.remove('sweep');
  await schedules.put(
    'sweep',
    definitionSchema.parse({
      every: '1s',
      to: 'orders',
      payload: { order_id: 'again' },
      run_at_startup: true,
    }),
  );
  await handle(ticks().at(-1) as Tick);
  expect(runs().at(-1)).toMatchObject({ dueAt: NOON + 500, payload: { order_id: 'again' } });
});
