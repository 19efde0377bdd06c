/** A subscription on a real broker: how much it has in hand, and what happens when pushes stop without a word. */
import type { Channel, ConsumeMessage } from 'amqplib';
import { type Delivery, type SubscriptionOptions, subscribe } from '../../src/amqp/subscription';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

let world: World;
beforeEach(async () => {
  world = await createWorld({ wheel: [], targets: ['orders'] });
});
afterEach(() => world.close());

const publish = (count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      world.publisher.publish({
        exchange: '',
        routingKey: 'orders',
        content: Buffer.from('{}'),
        properties: { messageId: String(i) },
      }),
    ),
  );

/** A connection on whose channels what is pushed gets lost for as long as that is wanted. */
async function losingConnection() {
  const connection = await world.connect('losing');
  const losing = { now: true };
  const losingChannel = (channel: Channel) =>
    new Proxy(channel, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== 'consume') return typeof value === 'function' ? value.bind(target) : value;
        return (queue: string, onMessage: (message: ConsumeMessage | null) => void, options: object) =>
          target.consume(queue, (message) => void (losing.now || onMessage(message)), options);
      },
    });
  const model = new Proxy(connection.model, {
    get: (target, name) =>
      name === 'createChannel'
        ? async () => losingChannel(await target.createChannel())
        : Reflect.get(target, name),
  });
  return { connection: { ...connection, model }, losing };
}

async function subscribed(options: Partial<SubscriptionOptions> = {}) {
  const { connection, losing } = await losingConnection();
  const taken: unknown[] = [];
  let lost = 0;
  const subscription = await subscribe({
    connection,
    queue: 'orders',
    consumerTag: 'subscriber',
    prefetch: 2,
    mostReturns: 10,
    lookMs: 50,
    onDelivery: async (delivery) => {
      taken.push(delivery.properties.messageId);
      delivery.ack();
    },
    onLost: () => {
      lost++;
    },
    logger: world.log,
    ...options,
  });
  // From here on messages are pushed; one that came before would be fetched.
  const channel = await (await world.connect()).model.createChannel();
  await eventually(async () =>
    expect(await channel.checkQueue('orders')).toMatchObject({ consumerCount: 1 }),
  );
  return { subscription, losing, taken, lost: () => lost };
}

const silences = () =>
  world.log.lines.filter(({ event }) => event === 'nothing is pushed, the channel is given up');

test('a queue that has messages and pushes none is consumed anew, and nothing is lost', async () => {
  const { subscription, losing, taken, lost } = await subscribed();
  await publish(5);
  await eventually(() => expect(silences()[0]).toMatchObject({ queue: 'orders', messages: 3 }));
  losing.now = false;
  await eventually(() => expect(new Set(taken).size).toBe(5));
  expect(lost()).toBeGreaterThan(0);
  await subscription.close();
});

test('one that has as many in hand as it may is left in peace', async () => {
  const { subscription, losing } = await subscribed({ onDelivery: () => new Promise(() => {}) });
  losing.now = false;
  await publish(5);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(silences()).toEqual([]);
  await subscription.close();
});

test('its prefetch can be changed, and what is in hand can be acknowledged afterwards', async () => {
  const inHand: Delivery[] = [];
  const { subscription, losing, lost } = await subscribed({
    prefetch: 4,
    lookMs: 60_000,
    onDelivery: async (delivery) => void inHand.push(delivery),
  });
  losing.now = false;
  await publish(20);
  await eventually(() => expect(inHand.length).toBe(4));
  subscription.resume(6);
  await eventually(() => expect(inHand.length).toBe(10));
  subscription.pause();
  subscription.resume(1);
  await eventually(() => expect(inHand.length).toBe(11));
  const numbers = new Set<unknown>();
  const acknowledge = (count: number) => {
    for (const delivery of inHand.splice(0, count)) {
      numbers.add(delivery.properties.messageId);
      expect(delivery.ack()).toBe(true);
    }
  };
  acknowledge(10);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(inHand.length).toBe(1);
  await eventually(() => {
    acknowledge(1);
    expect(numbers.size).toBe(20);
  });
  expect(lost()).toBe(0);
  await subscription.close();
});
