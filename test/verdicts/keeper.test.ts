/** Verdicts that outlive the stream they are in, kept by one process at a time. */
import { type Duty, offerForDuty } from '../../src/amqp/single-active';
import { firstOffset } from '../../src/amqp/stream';
import { bootstrap } from '../../src/bootstrap';
import { done } from '../../src/consumers/outcome';
import { followControl } from '../../src/control/control';
import { encodeMessage } from '../../src/message';
import { CONTROL, KEEPER } from '../../src/topology';
import { FINAL } from '../../src/verdicts/entry';
import { keepVerdicts } from '../../src/verdicts/keeper';
import type { Verdicts } from '../../src/verdicts/verdicts';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

const RENEW_AFTER_MS = 500;
const YEAR_MS = 365 * 86_400_000;

let world: World;
let endings: (() => Promise<void>)[];
beforeEach(async () => {
  world = await createWorld({
    wheel: [],
    targets: ['orders'],
    topology: { controlLimits: { maxAgeS: 2, segmentBytes: 4_000 } },
  });
  endings = [];
});
afterEach(async () => {
  for (const end of endings) await end();
  await world.close();
});

const clock = Date.now;

const follow = async (): Promise<Verdicts> => {
  const connection = await world.connect();
  const consumerTag = `verdicts-${endings.length}`;
  const { verdicts, close } = await followControl({
    ...world,
    connection,
    clock,
    consumerTag,
    logger: world.log,
  });
  endings.unshift(close);
  await verdicts.knownFor(clock());
  return verdicts;
};

interface Process {
  readonly name: string;
  readonly duty: Duty;
  kill(): Promise<void>;
}

const startProcess = async (name: string): Promise<Process> => {
  const connection = await world.connect(name);
  const { verdicts, close } = await followControl({
    ...world,
    connection,
    clock,
    consumerTag: `control of ${name}`,
    logger: world.log,
  });
  const duty = await offerForDuty({
    connection,
    publisher: world.publisher,
    queue: KEEPER,
    exchange: KEEPER,
    consumerTag: name,
    onDuty: (signal) =>
      keepVerdicts({ verdicts, clock, renewAfterMs: RENEW_AFTER_MS, logger: world.log }, signal),
    logger: world.log,
  });
  let alive = true;
  const kill = async () => {
    if (!alive) return;
    alive = false;
    await connection.close();
    await duty.close();
    await close();
  };
  endings.unshift(kill);
  return { name, duty, kill };
};

/** Something that is in the stream and takes room. */
const fill = () =>
  Promise.all(
    Array.from({ length: 50 }, () =>
      world.publisher.publish({
        exchange: CONTROL,
        routingKey: '',
        content: Buffer.alloc(100),
        properties: { messageId: 'filling' },
      }),
    ),
  );

/** Asked again where RabbitMQ has ended the connection, as it does when it cuts off what it is about to read. */
const first = async () => {
  const connection = await world.connect();
  return eventually(() => firstOffset(connection, CONTROL));
};

test('one process at a time has the duty, and the next one when it is gone', async () => {
  const processes = [await startProcess('a'), await startProcess('b'), await startProcess('c')];
  for (let left = 3; left > 0; left--) {
    await eventually(() => expect(processes.filter(({ duty }) => duty.active())).toHaveLength(1));
    const [onDuty] = processes.filter(({ duty }) => duty.active());
    await onDuty?.kill();
    processes.splice(processes.indexOf(onDuty as Process), 1);
  }
});

test('a cancel of a message due in three years still holds after the stream was cut many times, and keepers came and went', async () => {
  const inThreeYears = clock() + 3 * YEAR_MS;
  const early = await follow();
  const cancel = { revision: FINAL, valid: null, until: inThreeYears, voids: 1 };
  await early.give('cancelled', cancel);
  await early.give('moved', { ...cancel, revision: 1, valid: 'd2' });
  let keeper = await startProcess('keeper 0');
  let cuts = 0;
  for (let from = await first(), rounds = 1; cuts < 10; rounds++) {
    await eventually(() => expect(keeper.duty.active()).toBe(true));
    await fill();
    const now = await first();
    if (now > from) cuts++;
    from = now;
    if (rounds % 20 === 0) {
      const next = await startProcess(`keeper ${rounds}`);
      await keeper.kill();
      keeper = next;
    }
  }

  // Who starts now has never seen the first ones.
  const late = await eventually(follow);
  expect(late.size()).toBe(2);
  expect(late.isVoid({ id: 'cancelled', delivery: 'd1' })).toBe(true);
  expect(['d1', 'd2'].map((delivery) => late.isVoid({ id: 'moved', delivery }))).toEqual([true, false]);

  const handled: string[] = [];
  await world.consume('orders', async ({ id }) => {
    handled.push(id);
    return done;
  });
  for (const [id, delivery] of [
    ['cancelled', 'd1'],
    ['moved', 'd1'],
    ['other', 'd1'],
  ] as const) {
    const dueAt = clock();
    await world.publisher.publish({
      exchange: 'delay.due',
      routingKey: 'orders',
      ...encodeMessage({ id, to: 'orders', payload: 1, dueAt, acceptedAt: dueAt, attempt: 1, delivery }),
    });
  }
  await eventually(() => expect(handled).toEqual(['other']));
  await eventually(() =>
    expect(
      world.log.lines
        .filter(({ event }) => event === 'void, dropped')
        .map(({ messageId }) => messageId)
        .sort(),
    ).toEqual(['cancelled', 'moved']),
  );
});

test('without a keeper it would not: what nobody writes again is cut off', async () => {
  const verdicts = await follow();
  await verdicts.give('cancelled', { revision: FINAL, valid: null, until: clock() + YEAR_MS, voids: 1 });
  await eventually(async () => {
    await fill();
    expect(await first()).toBeGreaterThan(10);
  }, 30_000);
  const late = await eventually(follow);
  expect(late.size()).toBe(0);
});

test('what is dropped is noted for everybody, and its verdict forgotten when copies can come no more', async () => {
  let now = clock();
  const [one, other] = [await follow(), await follow()];
  await one.give('a', { revision: FINAL, valid: null, until: now, voids: 1 });
  one.dropped('a');
  await eventually(() => expect(other.size()).toBe(1));
  const connection = await world.connect();
  const { verdicts: later, close } = await followControl({
    ...{ connection, publisher: world.publisher, scheduler: world.scheduler },
    ...{ consumerTag: 'later', logger: world.log },
    clock: () => now,
  });
  endings.unshift(close);
  await later.knownFor(now);
  expect(later.size()).toBe(1);
  now += 2 * 3_600_000;
  // Dropped a second ago at the latest, and swept every second.
  await eventually(() => expect(later.size()).toBe(0));
});

test('a cancel holds when somebody deletes the stream and the bootstrap declares it anew, for who had read it and who comes later', async () => {
  const reader = await follow();
  await startProcess('keeper');
  const verdict = { revision: 7, valid: null, until: clock() + YEAR_MS, voids: 1 };
  await Promise.all(Array.from({ length: 20 }, (_, i) => reader.give(`cancelled-${i}`, verdict)));
  const isVoid = (verdicts: Verdicts) => verdicts.isVoid({ id: 'cancelled-19', delivery: 'd' });
  await eventually(() => expect(isVoid(reader)).toBe(true));

  const connection = await world.connect();
  const channel = await connection.model.createChannel();
  await channel.deleteQueue(CONTROL);
  await bootstrap(connection, world.topology);
  await reader.knownFor(clock());
  expect(isVoid(reader)).toBe(true);
  const late = await follow();
  await eventually(() => expect(isVoid(late)).toBe(true));
});
