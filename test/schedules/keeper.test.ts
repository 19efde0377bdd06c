/** Schedules that outlive the stream they are in, and chains of ticks that were lost. */
import { firstOffset } from '../../src/amqp/stream';
import { bootstrap } from '../../src/bootstrap';
import { followControl } from '../../src/control/control';
import { encodeControl } from '../../src/control/entry';
import { BrokerUnavailableError } from '../../src/errors';
import type { Scheduler } from '../../src/scheduler';
import { definitionSchema } from '../../src/schedules/definition';
import { keepSchedules } from '../../src/schedules/keeper';
import type { Schedules } from '../../src/schedules/schedules';
import { CONTROL } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

const clock = Date.now;

let world: World;
let endings: (() => Promise<unknown>)[];
beforeEach(async () => {
  world = await createWorld({ topology: { controlLimits: { maxAgeS: 2, segmentBytes: 4_000 } } });
  endings = [];
});
afterEach(async () => {
  for (const end of endings) await end();
  await world.close();
});

const follow = async (scheduler: Pick<Scheduler, 'schedule'> = world.scheduler): Promise<Schedules> => {
  const connection = await world.connect();
  const { publisher, log: logger } = world;
  const consumerTag = `control ${endings.length}`;
  const control = await followControl({ connection, publisher, scheduler, clock, consumerTag, logger });
  endings.unshift(control.close);
  await control.schedules.known();
  return control.schedules;
};

const keep = (schedules: Schedules) => {
  const ending = new AbortController();
  const kept = keepSchedules(
    { schedules, clock, renewAfterMs: 500, tickAllEveryMs: 100, logger: world.log },
    ending.signal,
  );
  endings.unshift(() => {
    ending.abort();
    return kept;
  });
};

/** Something that is in the stream and takes room. */
const fill = () =>
  Promise.all(
    Array.from({ length: 20 }, () =>
      world.publisher.publish({
        ...{ exchange: CONTROL, routingKey: '', content: Buffer.alloc(400) },
        properties: { messageId: 'filling' },
      }),
    ),
  );

const DAILY = definitionSchema.parse({ cron: '0 8 * * *', to: 'orders', payload: { order_id: 'sweep' } });

test('a schedule and what is done of it still stand after the stream was cut many times', async () => {
  const schedules = await follow();
  keep(schedules);
  const { schedule } = await schedules.put('sweep', DAILY);
  const done = { revision: schedule.revision, at: clock(), runs: [clock()] };
  await schedules.progress('sweep', done);

  // On a connection of its own, and asked again: RabbitMQ ends it where it cuts off what it is about to read.
  const connection = await world.connect();
  const first = () => eventually(() => firstOffset(connection, CONTROL));
  for (let from = await first(), cuts = 0; cuts < 3; ) {
    await fill();
    const now = await first();
    if (now > from) cuts++;
    from = now;
  }
  const late = await eventually(() => follow());
  // Should RabbitMQ have just ended the keeper's connection as well, it writes them again once it is back.
  await eventually(() =>
    expect(late.get('sweep')).toMatchObject({ revision: schedule.revision, definition: DAILY, done }),
  );
});

test('a schedule stands when somebody deletes the stream and the bootstrap declares it anew, for who had read it and who comes later', async () => {
  const schedules = await follow();
  keep(schedules);
  const { schedule } = await schedules.put('sweep', DAILY);
  const connection = await world.connect();
  await (await connection.model.createChannel()).deleteQueue(CONTROL);
  await bootstrap(connection, world.topology);
  await eventually(async () => {
    await schedules.known();
    expect(schedules.get('sweep')).toMatchObject({ revision: schedule.revision, definition: DAILY });
  });
  const late = await follow();
  await eventually(() => expect(late.get('sweep')).toMatchObject({ revision: schedule.revision }));
});

test('what a later version has put is logged and passed over, and the others are ticked', async () => {
  const ticked: unknown[] = [];
  const schedules = await follow({
    async schedule({ payload }) {
      ticked.push((payload as { name: string }).name);
      return {} as never;
    },
  });
  const later = { ...DAILY, every: '1s', cron: undefined, moon: 'full' };
  const entry = {
    kind: 'schedule',
    name: 'a',
    revision: '1',
    createdAt: clock(),
    putAt: clock(),
    definition: later,
  } as const;
  await world.publisher.publish({
    ...{ exchange: CONTROL, routingKey: '', content: encodeControl(entry) },
    properties: { messageId: 'a', type: 'schedule', timestamp: Math.floor(clock() / 1_000) },
  });
  await schedules.put('b', { ...DAILY, every: '1s', cron: undefined });
  keep(schedules);
  await eventually(() => expect(ticked.length).toBeGreaterThan(2));
  expect(new Set(ticked)).toEqual(new Set(['b']));
  expect(schedules.get('a')).toMatchObject({ definition: JSON.parse(JSON.stringify(later)) });
  expect(world.log.lines).toContainEqual(
    expect.objectContaining({ level: 'warn', schedule: 'a', error: expect.stringContaining('moon') }),
  );
});

test('a schedule whose first tick was never published is found and ticked, one that runs later is left', async () => {
  const failing = await follow({
    schedule: () => Promise.reject(new BrokerUnavailableError('RabbitMQ at mq is not reachable.')),
  });
  const secondly = { ...DAILY, cron: undefined, every: '1s' };
  await expect(failing.put('sweep', secondly)).rejects.toThrow('not reachable');
  await expect(failing.put('later', { ...DAILY, cron: '0 0 29 2 *' })).rejects.toThrow('not reachable');
  const ticked: unknown[] = [];
  const schedules = await follow({
    async schedule(request) {
      ticked.push(request.payload);
      return {} as never;
    },
  });
  keep(schedules);
  await eventually(() => expect(ticked.length).toBeGreaterThan(1));
  const revision = schedules.get('sweep')?.revision;
  expect(ticked).toEqual(ticked.map(() => ({ name: 'sweep', revision, at: expect.any(Number) })));
});
