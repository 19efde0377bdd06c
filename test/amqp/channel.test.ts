/** A channel kept open on a real broker that hangs. */
import type { Channel } from 'amqplib';
import { openAnswering } from '../../src/amqp/answers';
import { keepChannelOpen } from '../../src/amqp/channel';
import { openConnection } from '../../src/amqp/connection';
import { eventually } from '../broker/eventually';
import { startSilentProxy } from '../broker/silent-proxy';
import { createWorld, type World } from '../broker/world';

let world: World;
beforeAll(async () => {
  world = await createWorld({ wheel: [], targets: [] });
});
afterAll(() => world.close());

test('where RabbitMQ does not answer any more, the channel is opened anew, on another connection', async () => {
  const proxy = await startSilentProxy(world.amqpUrl);
  const connection = await openConnection({
    url: proxy.amqpUrl,
    name: 'silent',
    connectWaitMs: 10_000,
    logger: world.log,
  });
  const opened: Channel[] = [];
  let closed = 0;
  const kept = await keepChannelOpen({
    name: 'kept',
    open: () => openAnswering(connection, () => connection.model.createChannel(), 500),
    onOpen: async (channel) => {
      await channel.prefetch(1);
      opened.push(channel);
    },
    onClosed: () => {
      closed++;
    },
    logger: world.log,
  });
  // Connections that are made from now on are not held. A heartbeat would be missed only after ten seconds.
  proxy.hold();
  await expect(opened[0]?.checkExchange('amq.direct')).rejects.toThrow('did not answer within 1.5 s');
  await eventually(() => expect([opened.length, closed]).toEqual([2, 1]), 8_000);
  await expect(opened[1]?.checkExchange('amq.direct')).resolves.toBeDefined();
  expect(world.log.lines).toContainEqual(
    expect.objectContaining({ event: 'no answer', request: 'checkExchange amq.direct' }),
  );
  await kept.close();
  await connection.close();
  await proxy.close();
});
