import { setTimeout as sleep } from 'node:timers/promises';
import { managementRequest } from '../../dev/management';
import { type BrokerConnection, openConnection } from '../../src/amqp/connection';
import {
  type OpenPublisher,
  openPublisher,
  type Publication,
  type Publisher,
  type PublisherOptions,
} from '../../src/amqp/publisher';
import { BrokerUnavailableError, OutcomeUnknownError, PublishRefusedError } from '../../src/errors';
import { eventually } from '../broker/eventually';
import { type SilentProxy, startSilentProxy } from '../broker/silent-proxy';
import { createWorld, type World } from '../broker/world';

const managementUrl = process.env.TEST_MANAGEMENT_URL ?? '';

let world: World;
let publisher: Publisher;
let connectionName: string;
beforeAll(async () => {
  world = await createWorld({ wheel: [] });
});
afterAll(() => world.close());
beforeEach(async () => {
  connectionName = `publisher ${Math.random()}`;
  const connection = await world.connect(connectionName);
  publisher = await openPublisher({ connection, confirmTimeoutMs: 5_000, logger: world.log });
});
afterEach(() => publisher.close());

const publication = (exchange: string, routingKey: string, messageId = 'm'): Publication => ({
  exchange,
  routingKey,
  content: Buffer.from('{}'),
  properties: { messageId },
});

test('a confirmed message is in its queue', async () => {
  await publisher.publish(publication('delay.parked', 'orders', 'confirmed'));
  const [message] = await world.drainQueue('orders.parked', 1);
  expect(message?.properties).toMatchObject({ messageId: 'confirmed', deliveryMode: 2 });
});

test('a message that no queue takes is refused, though the broker confirms it, and its neighbours are not', async () => {
  const publishes = ['orders', 'nobody', 'orders'].map((key) =>
    publisher.publish(publication('', key === 'orders' ? 'orders.parked' : key)),
  );
  const [before, unroutable, after] = await Promise.allSettled(publishes);
  expect(before?.status).toBe('fulfilled');
  expect(unroutable).toMatchObject({ status: 'rejected', reason: expect.any(PublishRefusedError) });
  expect(after?.status).toBe('fulfilled');
});

test('a message need not be taken by anyone where that was said', async () => {
  await expect(
    publisher.publish({ ...publication('delay.events', 'nobody.listens'), mandatory: false }),
  ).resolves.toBeUndefined();
});

test('when the broker closes the channel, the outcome is unknown, and the next channel publishes again', async () => {
  await expect(publisher.publish(publication('no.such.exchange', 'x'))).rejects.toThrow(OutcomeUnknownError);
  await eventually(() => publisher.publish(publication('delay.parked', 'orders')));
});

test('while the connection is gone it says so at once, and it comes back by itself', async () => {
  const own = await eventually(async () => {
    const connections = (await managementRequest(managementUrl, 'GET', '/api/connections')) as {
      name: string;
      client_properties: { connection_name?: string };
    }[];
    const found = connections.find(
      ({ client_properties }) => client_properties.connection_name === connectionName,
    );
    if (!found) throw new Error('the management API does not show the connection yet');
    return found;
  });
  await managementRequest(managementUrl, 'DELETE', `/api/connections/${encodeURIComponent(own.name)}`);
  await eventually(
    () =>
      expect(publisher.publish(publication('delay.parked', 'orders'))).rejects.toThrow(
        BrokerUnavailableError,
      ),
    5_000,
  );
  await eventually(() => publisher.publish(publication('delay.parked', 'orders')));
});

describe('while the broker does not answer', () => {
  let proxy: SilentProxy;
  let connection: BrokerConnection;
  let opened: OpenPublisher;
  const open = async (options: Pick<PublisherOptions, 'confirmTimeoutMs' | 'maxInFlight' | 'lookMs'>) => {
    proxy = await startSilentProxy(world.amqpUrl);
    connection = await openConnection({
      url: proxy.amqpUrl,
      name: 'by way of the proxy',
      connectWaitMs: 10_000,
      logger: world.log,
    });
    opened = await openPublisher({ connection, logger: world.log, ...options });
    proxy.hold();
  };
  const publish = (messageId: string) => opened.publish(publication('delay.parked', 'webhooks', messageId));
  afterEach(async () => {
    proxy.release();
    await opened.close();
    await connection.close();
    await proxy.close();
  });

  test('the outcome is unknown after the time for a confirm, and what follows is refused at once', async () => {
    await open({ confirmTimeoutMs: 1_000 });
    expect(opened.refusal()).toBeUndefined();
    const first = publish('first');
    await expect(first).rejects.toThrow(OutcomeUnknownError);
    await expect(first).rejects.toThrow('did not confirm within 1000 ms; the message may have been accepted');
    for (let i = 0; i < 3; i++) {
      const refused = publish(`refused ${i}`);
      await expect(refused).rejects.toThrow(BrokerUnavailableError);
      await expect(refused).rejects.toThrow('does not keep up: its confirms take longer than 1000 ms');
    }
    expect(opened.refusal()).toContain('does not keep up');

    proxy.release();
    await eventually(() => publish('afterwards'));
    expect(opened.refusal()).toBeUndefined();
    const taken = await world.drainQueue('webhooks.parked', 2);
    expect(taken.map(({ properties }) => properties.messageId)).not.toContain('refused 0');
    expect(taken.map(({ properties }) => properties.messageId)).toEqual(
      expect.arrayContaining(['first', 'afterwards']),
    );
  });

  test('no more than the allowed number is sent, also beyond the time for a confirm', async () => {
    await open({ confirmTimeoutMs: 60_000, maxInFlight: 3 });
    const sent = ['a', 'b', 'c'].map(publish);
    const refused = publish('one too many');
    await expect(refused).rejects.toThrow(BrokerUnavailableError);
    await expect(refused).rejects.toThrow('does not keep up: 3 messages are not confirmed yet');
    expect(opened.refusal()).toContain('3 messages are not confirmed yet');

    proxy.release();
    await expect(Promise.all(sent)).resolves.toHaveLength(3);
    await expect(publish('afterwards')).resolves.toBeUndefined();
  });

  test('a channel on which a confirm does not come at all is given up, and another one publishes', async () => {
    await open({ confirmTimeoutMs: 1_000, lookMs: 30 });
    await expect(publish('hanging')).rejects.toThrow(OutcomeUnknownError);
    await eventually(() =>
      expect(world.log.lines).toContainEqual(
        expect.objectContaining({
          event: 'never confirmed, the channel is given up',
          routingKey: 'webhooks',
        }),
      ),
    );
    proxy.release();
    await eventually(() => publish('afterwards'));
  });

  test('what was in flight when the connection breaks no longer counts once there is another', async () => {
    await open({ confirmTimeoutMs: 60_000, maxInFlight: 1 });
    const lost = publish('lost');
    proxy.cut();
    await expect(lost).rejects.toThrow(OutcomeUnknownError);
    await eventually(() => publish('afterwards'));
  });
});

test('whoever asks is told how long each confirm took, and nothing where there was none', async () => {
  const confirms: number[] = [];
  const measured = await openPublisher({
    connection: await world.connect(),
    confirmTimeoutMs: 5_000,
    onConfirm: (seconds) => confirms.push(seconds),
    logger: world.log,
  });
  await measured.publish(publication('delay.parked', 'orders'));
  await expect(measured.publish(publication('no.such.exchange', 'x'))).rejects.toThrow(OutcomeUnknownError);
  expect(confirms).toHaveLength(1);
  expect(confirms[0]).toBeGreaterThan(0);
  expect(confirms[0]).toBeLessThan(5);
  await measured.close();
});

test('closing waits for the confirms that are missing', async () => {
  const connection = await world.connect();
  const closing = await openPublisher({ connection, confirmTimeoutMs: 5_000, logger: world.log });
  const publishes = Array.from({ length: 200 }, (_, i) =>
    closing.publish(publication('delay.parked', 'emails', String(i))),
  );
  await sleep(0);
  await closing.close();
  const outcomes = await Promise.allSettled(publishes);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(200);
});
