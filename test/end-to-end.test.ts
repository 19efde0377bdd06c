/** The whole way on a real broker: into the wheel, through its holding queues, to the handler on time. */
import { done } from '../src/consumers/outcome';
import { createScheduler } from '../src/scheduler';
import { ALLOWANCE_MS } from '../src/wheel';
import { eventually } from './broker/eventually';
import { createWorld, type World } from './broker/world';

/** Eight levels like the wheel in use, but a thousand days last a second, and a day 160 ms. */
const FAST_WHEEL = [1_280, 640, 320, 160, 80, 40, 20, 10].map((unitMs) => ({
  name: `${unitMs}ms`,
  unitMs,
  digits: 1,
}));

interface Handled {
  readonly payload: unknown;
  readonly lateMs: number;
}

async function consumeOrders(world: World): Promise<Handled[]> {
  const handled: Handled[] = [];
  await world.consume('orders', async ({ payload, dueAt }) => {
    handled.push({ payload, lateMs: Date.now() - dueAt });
    return done;
  });
  return handled;
}

describe('with the wheel in use', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(() => world.close());

  test('delays from 0 to 5 s are handled in the order of their due times, none early, whatever the order of sending', async () => {
    const handled = await consumeOrders(world);
    const now = Date.now();
    const delaysMs = [5_000, 0, 3_000, 600, 1_100, 2_345, 99, 4_100, 1_800];
    const accepted = await Promise.all(
      delaysMs.map((delayMs) =>
        world.scheduler.schedule({ to: 'orders', payload: delayMs, dueAt: now + delayMs }),
      ),
    );
    await eventually(() => expect(handled).toHaveLength(delaysMs.length));
    expect(handled.map(({ payload }) => payload)).toEqual([...delaysMs].sort((a, b) => a - b));
    expect(handled.filter(({ lateMs }) => lateMs < 0)).toEqual([]);
    expect(accepted.map(({ id }) => id).sort()).toEqual(
      [...accepted].sort((a, b) => a.dueAt - b.dueAt).map(({ id }) => id),
    );
  });

  test('a message to nobody ends in delay.unroutable and stops nobody behind it', async () => {
    const handled = await consumeOrders(world);
    const dueAt = Date.now() + 500;
    // More than the 32 that would stop a holding queue, all of them by way of the same one.
    await Promise.all(
      Array.from({ length: 50 }, () => world.scheduler.schedule({ to: 'nobody', payload: 1, dueAt })),
    );
    await world.scheduler.schedule({ to: 'orders', payload: 'behind', dueAt: Date.now() + 500 });
    await eventually(() => expect(handled).toMatchObject([{ payload: 'behind' }]));
    expect(await world.drainQueue('delay.unroutable', 50)).toHaveLength(50);
  });
});

describe('with a wheel that turns faster', () => {
  let world: World;
  beforeEach(async () => {
    world = await createWorld({ wheel: FAST_WHEEL });
  });
  afterEach(() => world.close());

  test('a message goes through all eight levels and comes out on time', async () => {
    const handled = await consumeOrders(world);
    const channel = await (await world.connect()).model.createChannel();
    await channel.assertQueue('copy');
    await channel.bindQueue('copy', 'delay.due', '#');

    const now = Date.now();
    const scheduler = createScheduler({ publisher: world.publisher, clock: () => now, wheel: FAST_WHEEL });
    const everyDigitOneMs = FAST_WHEEL.reduce((sum, { unitMs }) => sum + unitMs, 0);
    await scheduler.schedule({ to: 'orders', payload: 'far', dueAt: now + everyDigitOneMs + ALLOWANCE_MS });
    await eventually(() => expect(handled).toHaveLength(1));
    expect(handled[0]?.lateMs).toBeGreaterThanOrEqual(0);

    const [copy] = await world.drainQueue('copy', 1);
    const deaths = copy?.properties.headers?.['x-death'] as {
      queue: string;
      reason: string;
      count: number;
    }[];
    // 3.10 does not keep the deaths in their order.
    expect(deaths.map(({ queue, reason, count }) => `${queue} ${reason} ${count}`).sort()).toEqual(
      FAST_WHEEL.map(({ name }) => `delay.hold.${name} expired 1`).sort(),
    );
  });
});
