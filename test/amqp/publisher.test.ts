import { setTimeout as sleep } from 'node:timers/promises';
import { managementRequest } from '../../dev/management';
import { openPublisher, type Publication, type Publisher } from '../../src/amqp/publisher';
import { BrokerUnavailableError, OutcomeUnknownError, PublishRefusedError } from '../../src/errors';
import { eventually } from '../broker/eventually';
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

test('a confirm that does not come in time is an unknown outcome', async () => {
  const connection = await world.connect();
  const impatient = await openPublisher({ connection, confirmTimeoutMs: 1, logger: world.log });
  // A confirm of a quorum queue takes a write to disk; in a hundred tries one takes more than a millisecond.
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) =>
      impatient.publish(publication('delay.parked', 'orders', String(i))),
    ),
  );
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error.message).toContain('may have been accepted');
  }
  await impatient.close();
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
