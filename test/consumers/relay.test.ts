import { createExchangeCheck } from '../../src/amqp/exchanges';
import { guardHandler } from '../../src/consumers/handler';
import { createRelayHandler } from '../../src/consumers/relay';
import { TARGETS } from '../../src/targets';
import { CONTROL } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

const wheel = [{ name: '100ms', unitMs: 100, digits: 9 }];

let world: World;
beforeAll(async () => {
  world = await createWorld({ wheel, targets: ['relay'] });
  const channel = await (await world.connect()).model.createChannel();
  await channel.assertExchange('shop', 'topic');
  await channel.assertQueue('shop.mails');
  await channel.bindQueue('shop.mails', 'shop', 'mail.#');
  const handler = createRelayHandler({
    publisher: world.publisher,
    exchangeExists: createExchangeCheck(await world.connect(), CONTROL),
    clock: Date.now,
    logger: world.log,
  });
  await world.consume('relay', guardHandler(TARGETS.relay, handler, 5_000), {
    retryPolicy: { maxAttempts: 2, baseMs: 10, factor: 2, capMs: 20 },
  });
});
afterAll(() => world.close());

const relay = (payload: object) =>
  world.scheduler.schedule({ to: 'relay', payload, dueAt: Date.now() + 100 });

test.each([
  ['text', 'hello', 'text/plain', 'hello'],
  ['JSON', { seats: [1, 2] }, 'application/json', '{"seats":[1,2]}'],
  ['null', null, 'application/json', 'null'],
])('%s goes to the exchange as an ordinary message', async (_, content, contentType, body) => {
  const { id } = await relay({ exchange: 'shop', routing_key: 'mail.new', content, headers: { tenant: 7 } });
  const [message] = await world.drainQueue('shop.mails', 1);
  expect(String(message?.content)).toBe(body);
  expect(message?.fields).toMatchObject({ exchange: 'shop', routingKey: 'mail.new' });
  expect(message?.properties).toMatchObject({
    messageId: id,
    contentType,
    deliveryMode: 2,
    headers: { tenant: 7 },
  });
});

test('a content type can be given, and the default exchange reaches any queue', async () => {
  await relay({ exchange: '', routing_key: 'shop.mails', content: '<a/>', content_type: 'application/xml' });
  const [message] = await world.drainQueue('shop.mails', 1);
  expect(message?.properties.contentType).toBe('application/xml');
});

test.each([
  [
    'is routed nowhere',
    { exchange: 'shop', routing_key: 'nobody' },
    /exchange "shop" has no queue for "nobody"/,
  ],
  ['goes to no exchange', { exchange: 'nowhere', routing_key: 'x' }, /there is no exchange "nowhere"/],
])('what %s is tried again, then parked, and disturbs nobody', async (_, where, error) => {
  const { id } = await relay({ ...where, content: 1 });
  const neighbour = await relay({ exchange: 'shop', routing_key: 'mail.x', content: 2 });
  const [parked] = await world.drainQueue('relay.parked', 1);
  expect(parked?.properties.messageId).toBe(id);
  expect(parked?.properties.headers).toMatchObject({
    'parked-reason': 'attempts exhausted',
    'parked-error': expect.stringMatching(error),
    'parked-attempts': 2,
  });
  const relayed = await world.drainQueue('shop.mails', 1);
  expect(relayed.map(({ properties }) => properties.messageId)).toEqual([neighbour.id]);
});

test('a queue that is bound before the last attempt gets the message', async () => {
  const { id } = await world.scheduler.schedule({
    to: 'relay',
    payload: { exchange: 'shop', routing_key: 'late', content: 1 },
    dueAt: Date.now(),
    retry: { maxAttempts: 1_000, baseMs: 200, capMs: 200 },
  });
  await eventually(() =>
    expect(world.log.lines).toContainEqual(expect.objectContaining({ event: 'retried', messageId: id })),
  );
  const channel = await (await world.connect()).model.createChannel();
  await channel.assertQueue('shop.late');
  await channel.bindQueue('shop.late', 'shop', 'late');
  const [message] = await world.drainQueue('shop.late', 1);
  expect(message?.properties.messageId).toBe(id);
});
