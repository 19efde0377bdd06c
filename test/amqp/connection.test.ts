import { managementRequest } from '../../dev/management';
import { type ConnectionState, openConnection } from '../../src/amqp/connection';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

const managementUrl = process.env.TEST_MANAGEMENT_URL ?? '';

let world: World;
beforeAll(async () => {
  world = await createWorld({ wheel: [], targets: [] });
});
afterAll(() => world.close());

/** Ends a connection on the broker's side. */
const cut = (connectionName: string) =>
  eventually(async () => {
    const connections = (await managementRequest(
      managementUrl,
      'GET',
      `/api/vhosts/${world.vhost}/connections`,
    )) as { name: string; client_properties: { connection_name?: string } }[];
    const found = connections.find(
      ({ client_properties }) => client_properties.connection_name === connectionName,
    );
    if (!found) throw new Error('the management API does not show the connection yet');
    await managementRequest(managementUrl, 'DELETE', `/api/connections/${encodeURIComponent(found.name)}`);
  });

test('whoever asks is told that a connection is up, lost and back', async () => {
  const told: ConnectionState[] = [];
  const connection = await openConnection({
    url: world.amqpUrl,
    name: 'to be cut',
    connectWaitMs: 10_000,
    onStateChange: (state) => told.push(state),
    logger: world.log,
  });
  expect(told).toEqual(['up']);
  await cut('to be cut');
  await eventually(() => expect(told.slice(1)).toContain('up'));
  expect(told[1]).toBe('down');
  expect(told.at(-1)).toBe('up');
  await connection.close();
});

test('a connection that is given up comes back by itself, and is not given up again at once', async () => {
  const told: ConnectionState[] = [];
  const connection = await openConnection({
    url: world.amqpUrl,
    name: 'given up',
    connectWaitMs: 10_000,
    onStateChange: (state) => told.push(state),
    logger: world.log,
  });
  const channel = await connection.model.createChannel();
  const closed = new Promise((resolve) => channel.once('close', resolve));
  expect(connection.giveUp('it hangs')).toBe(true);
  await closed;
  await eventually(() => expect(told).toEqual(['up', 'down', 'up']));
  expect(connection.giveUp('it hangs')).toBe(false);
  expect(connection.state()).toBe('up');
  expect(world.log.lines).toContainEqual(
    expect.objectContaining({ event: 'connection given up', connection: 'given up', error: 'it hangs' }),
  );
  await connection.close();
});
