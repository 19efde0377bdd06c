import { join } from 'node:path';
import { eventually } from '../broker/eventually';
import { startService } from '../broker/service';
import { createWorld, type World } from '../broker/world';

const CONSUMER = join(__dirname, 'fatal-consumer.js');
const DELIVERY_LIMIT = 20;

let world: World;
beforeAll(async () => {
  world = await createWorld({ wheel: [{ name: '100ms', unitMs: 100, digits: 9 }], targets: ['orders'] });
});
afterAll(() => world.close());

test('a message that ends its consumer each time is parked after the delivery limit, and its neighbours are handled', async () => {
  const dueAt = Date.now();
  const payloads = ['first', 'fatal', ...Array.from({ length: 8 }, (_, i) => `neighbour ${i}`)];
  const ids = new Map<string, string>();
  for (const payload of payloads) {
    ids.set((await world.scheduler.schedule({ to: 'orders', payload, dueAt })).id, payload);
  }

  const channel = await (await world.connect()).model.createChannel();
  const parkedCount = async () => (await channel.checkQueue('orders.parked')).messageCount;
  const handled = new Set<string>();
  let crashes = 0;
  const run = async () => {
    const consumer = startService([CONSUMER], { AMQP_URL: world.amqpUrl });
    const note = () => {
      for (const { message, messageId } of consumer.log)
        if (message === 'handled') handled.add(String(messageId));
    };
    try {
      return await eventually(async () => {
        if (consumer.process.exitCode !== null) return 'died';
        note();
        expect([await parkedCount(), handled.size]).toEqual([1, payloads.length - 1]);
        return 'finished';
      });
    } finally {
      await consumer.end('SIGKILL');
      note();
      crashes += consumer.log.filter(({ message }) => message === 'dying').length;
    }
  };
  while (crashes <= DELIVERY_LIMIT + 1 && (await run()) === 'died');
  expect(crashes).toBe(DELIVERY_LIMIT + 1);

  const [parked, ...more] = await world.drainQueue('orders.parked', 1);
  expect(ids.get(parked?.properties.messageId)).toBe('fatal');
  expect(parked?.properties.headers?.['x-first-death-reason']).toBe('delivery_limit');
  expect(more).toEqual([]);
  expect([...handled].map((id) => ids.get(id)).sort()).toEqual(
    payloads.filter((payload) => payload !== 'fatal').sort(),
  );
}, 120_000);
