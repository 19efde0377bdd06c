/** The service with a user for each of its parts: each does all its work with it, and can do nothing else. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { openConnection } from '../src/amqp/connection';
import { openPublisher } from '../src/amqp/publisher';
import { OutcomeUnknownError, PublishRefusedError } from '../src/errors';
import { userCommands } from '../src/users';
import { eventually } from './broker/eventually';
import { post, type Service, startService } from './broker/service';
import { deleteUsers, makeUsers, rabbitmqctlCalls, setPermissions } from './broker/users';
import { createWorld, type World } from './broker/world';

let world: World;
let urls: Record<string, string>;
const outbox = mkdtempSync('/tmp/delay-broker-test-');
const services: Service[] = [];

const urlOf = (user: string) => urls[user] ?? '';
const start = (user: string, ...args: string[]) => {
  const service = startService(args, {
    ...{ AMQP_URL: urlOf(user), OUTBOX_DIR: outbox },
    // On a busy broker a confirm may come late, and that is no refusal.
    CONFIRM_TIMEOUT_MS: '10000',
  });
  services.push(service);
  return service;
};

beforeAll(async () => {
  world = await createWorld({ wheel: [], targets: [] });
  urls = await makeUsers(world, '--relay=shop');
  const bootstrapped = start('bootstrap', 'topology.js');
  expect([await bootstrapped.exited, bootstrapped.stderr()]).toEqual([0, '']);
  const channel = await (await world.connect()).model.createChannel();
  for (const exchange of ['shop', 'others']) await channel.assertExchange(exchange, 'topic');
  await channel.assertQueue('sold');
  await channel.bindQueue('sold', 'shop', '#');
  await channel.bindQueue('sold', 'delay.events', '#');
  await channel.close();
}, 90_000);

afterAll(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await deleteUsers(urls);
  await world.close();
  rmSync(outbox, { recursive: true });
});

const request = async (method: string, url: string, body?: unknown) => {
  const answer = await fetch(url, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, ...(text !== '' && { body: JSON.parse(text) }) };
};

test('the bootstrap may run again', async () => {
  const again = start('bootstrap', 'topology.js');
  expect([await again.exited, again.stderr()]).toEqual([0, '']);
  expect(again.log[0]?.message).toContain('197 queues (0 new)');
});

describe('API and consumers with their users', () => {
  let api: Service;
  let consumers: Service;
  let url: string;
  const send = async (to: string, payload: object, more: object = {}) => {
    const answer = await post(`${url}/v1/messages`, { to, payload, delay_ms: 0, ...more });
    expect(answer.status).toBe(202);
    return ((await answer.json()) as { id: string }).id;
  };
  const handled = (messageId: string) => consumers.logged('handled', { messageId });

  beforeAll(async () => {
    api = start('api', 'main.js', 'api');
    consumers = start('consumers', 'main.js', 'consumers');
    url = await api.url();
    await consumers.logged('consuming', { to: 'relay' });
    await eventually(async () => expect((await request('GET', `${url}/readyz`)).status).toBe(200));
  });

  test('orders expire and mails go out', async () => {
    await handled(await send('orders', { order_id: 'A', expire_minutes: 0 }, { delay_ms: 300 }));
    const mail = await send('emails', { email: 'ada@example.com' });
    await handled(mail);
    expect(await consumers.logged('mail sent', { messageId: mail })).toMatchObject({ template: 'welcome' });
    const [event] = await world.drainQueue('sold', 1);
    expect(event?.fields.routingKey).toBe('order.expired');
  });

  test('a report is read from the ledger, and goes out', async () => {
    const report = await send('reports', { email: 'ada@example.com' });
    await handled(report);
    expect(await consumers.logged('report sent', { messageId: report })).toMatchObject({ complete: true });
    const { status, body } = await request('GET', `${url}/v1/report`);
    expect([status, body.complete]).toEqual([200, true]);
    expect(body.targets.reports.accepted).toBe(1);
  });

  test('a message can be cancelled, and is dropped', async () => {
    const id = await send('orders', { order_id: 'B', expire_minutes: 0 }, { delay_ms: 2_500 });
    expect((await request('DELETE', `${url}/v1/messages/${id}`)).status).toBe(200);
    await consumers.logged('void, dropped', { messageId: id });
  });

  test('a message is relayed to the exchange that is allowed', async () => {
    const id = await send('relay', { exchange: 'shop', routing_key: 'new', content: 1 });
    await handled(id);
    const [relayed] = await world.drainQueue('sold', 1);
    expect(relayed?.properties.messageId).toBe(id);
  });

  test.each([
    ['others', 'others'],
    ['', 'amq.default'],
  ])(
    'what is for another exchange ("%s") is parked, and says why; it can be looked at, redriven and deleted',
    async (exchange, name) => {
      const payload = { exchange, routing_key: 'sold', content: 1 };
      const id = await send('relay', payload, { retry: { max_attempts: 1 } });
      const look = () => request('GET', `${url}/v1/parked/relay`);
      const isParked = () =>
        eventually(async () =>
          expect((await look()).body.parked).toMatchObject([
            {
              id,
              reason: 'attempts exhausted',
              error: expect.stringContaining(
                `does not let the user "delay-consumers" publish to the exchange "${name}"`,
              ),
            },
          ]),
        );
      await isParked();
      const redriven = await request('POST', `${url}/v1/parked/relay/redrive`, { ids: [id] });
      expect(redriven.body).toMatchObject({ redriven: 1 });
      await isParked();
      const deleted = await request('DELETE', `${url}/v1/parked/relay`, { ids: [id] });
      expect(deleted.body).toEqual({ deleted: 1, not_found: [] });
    },
  );

  test('one of them keeps the verdicts, and RabbitMQ refused neither anything', async () => {
    await eventually(() =>
      expect([...api.log, ...consumers.log].map(({ message }) => message)).toContain('on duty'),
    );
    const unwell = [...api.log, ...consumers.log].filter(
      ({ level, message }) => level !== 'info' && !['webhooks go out unsigned', 'parked'].includes(message),
    );
    expect(unwell).toEqual([]);
    expect(await Promise.all([api.end(), consumers.end()])).toEqual([0, 0]);
  });
});

describe('what a user may not do, RabbitMQ refuses', () => {
  const connections: ChannelModel[] = [];
  const channelOf = async (user: string): Promise<ConfirmChannel> => {
    const connection = await connect(urlOf(user));
    connections.push(connection);
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    return channel;
  };
  afterEach(() => Promise.all(connections.splice(0).map((connection) => connection.close())));

  const publishTo = (exchange: string) => (channel: Channel) =>
    new Promise<never>((_, reject) => {
      channel.once('error', reject);
      (channel as ConfirmChannel).publish(exchange, 'orders', Buffer.from('{}'), {}, (error) =>
        reject(error ?? new Error('was published')),
      );
    });
  const consume = (queue: string) => (channel: Channel) => channel.consume(queue, () => {});
  const fetchFrom = (queue: string) => (channel: Channel) => channel.get(queue);
  const declare = (channel: Channel) => channel.assertQueue(`new-${randomUUID()}`);
  const redeclare = (channel: Channel) => channel.assertExchange('delay.in', 'topic');
  const remove = (queue: string) => (channel: Channel) => channel.deleteQueue(queue);
  const purge = (queue: string) => (channel: Channel) => channel.purgeQueue(queue);
  const bind = (channel: Channel) => channel.bindQueue('orders', 'delay.in', '#');

  test.each<[string, string, (channel: Channel) => Promise<unknown>]>([
    ['api', 'consume orders', consume('orders')],
    ['api', 'fetch a mail', fetchFrom('emails')],
    ['api', 'read a holding queue', fetchFrom('delay.hold.30m')],
    ['api', 'empty a holding queue', purge('delay.hold.30m')],
    ['api', 'declare a queue', declare],
    ['api', 'declare an exchange', redeclare],
    ['api', 'delete a queue', remove('orders.parked')],
    ['api', 'bind', bind],
    ['api', 'publish to delay.due', publishTo('delay.due')],
    ['api', 'publish to delay.level.1s', publishTo('delay.level.1s')],
    ['api', 'publish to delay.parked', publishTo('delay.parked')],
    ['api', 'publish to delay.events', publishTo('delay.events')],
    ['api', 'publish to the default exchange', publishTo('')],
    ['api', 'publish to an exchange of others', publishTo('shop')],
    ['consumers', 'declare a queue', declare],
    ['consumers', 'declare an exchange', redeclare],
    ['consumers', 'delete a queue', remove('orders')],
    ['consumers', 'bind', bind],
    ['consumers', 'read a holding queue', fetchFrom('delay.hold.30m')],
    ['consumers', 'consume a holding queue', consume('delay.hold.1s')],
    ['consumers', 'read what is parked', fetchFrom('orders.parked')],
    ['consumers', 'empty what is parked', purge('orders.parked')],
    ['consumers', 'read what is unroutable', fetchFrom('delay.unroutable')],
    ['consumers', 'publish to delay.due', publishTo('delay.due')],
    ['consumers', 'publish to the default exchange', publishTo('')],
    ['consumers', 'publish to an exchange of others', publishTo('others')],
    ['bootstrap', 'publish events', publishTo('delay.events')],
    ['bootstrap', 'publish to the default exchange', publishTo('')],
    ['bootstrap', 'publish to an exchange of others', publishTo('shop')],
    ['bootstrap', 'read what is parked', fetchFrom('orders.parked')],
    ['bootstrap', 'declare a queue of others', declare],
    ['bootstrap', 'delete a queue of others', remove('sold')],
  ])('%s: to %s', async (user, _, act) => {
    const channel = await channelOf(user);
    await channel.prefetch(1);
    await expect(act(channel)).rejects.toMatchObject({ code: 403 });
  });
});

describe('a process with the wrong user says what is refused to whom, and what to do', () => {
  const failed = async (user: string, ...args: string[]) => {
    const service = start(user, ...args);
    expect(await service.exited).toBe(1);
    const stderr = service.stderr();
    expect(stderr).toContain(`does not let the user "delay-${user}"`);
    expect(stderr).toContain('"npm run topology -- --users"');
    expect(stderr).not.toContain(new URL(urlOf(user)).password);
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
    return stderr;
  };

  test('everything that an API lacks', async () => {
    expect(await failed('consumers', 'main.js', 'api')).toContain(
      'write to "delay.ledger-keeper", read from "delay.ledger-keeper", read from "orders.parked", read from "emails.parked"',
    );
  });

  test('everything that consumers lack, of those targets that they are for', async () => {
    const stderr = await failed('api', 'main.js', 'consumers', 'emails');
    expect(stderr).toContain('write to "delay.parked", write to "delay.events", read from "emails". Grant');
  });

  test('all in one process', async () => {
    expect(await failed('api', 'main.js')).toContain('read from "orders", read from "emails"');
  });

  test.each(['api', 'consumers'])('the bootstrap with the user of %s', async (user) => {
    expect(await failed(user, 'topology.js')).toContain(`refused for user 'delay-${user}'`);
  });
});

describe('a permission that is taken away', () => {
  const publication = (exchange: string) => ({
    exchange,
    routingKey: '',
    content: Buffer.from('{}'),
    properties: { messageId: randomUUID() },
  });

  test('what is published then is refused, with who and where; nothing else is', async () => {
    const connection = await openConnection({
      url: urlOf('api'),
      name: 'test',
      connectWaitMs: 10_000,
      logger: world.log,
    });
    const publisher = await openPublisher({ connection, confirmTimeoutMs: 5_000, logger: world.log });
    await publisher.publish(publication('delay.keeper'));
    const [forbidden, neighbour] = await Promise.allSettled(
      ['delay.parked', 'delay.keeper'].map((exchange) => publisher.publish(publication(exchange))),
    );
    expect(forbidden).toMatchObject({
      reason: expect.any(PublishRefusedError),
    });
    expect(String(forbidden?.status === 'rejected' && forbidden.reason.message)).toMatch(
      /does not let the user "delay-api" publish to the exchange "delay\.parked"/,
    );
    expect(neighbour).toMatchObject({ reason: expect.any(OutcomeUnknownError) });
    await eventually(() => publisher.publish(publication('delay.keeper')));
    await publisher.close();
    await connection.close();
  });

  test('an API answers 503 and says why', async () => {
    const api = start('api', 'main.js', 'api');
    const url = await api.url();
    await setPermissions(['-p', world.vhost, 'delay-api', '^$', '^delay\\.(control|ledger|keeper)$', '.*']);
    const answer = await post(`${url}/submit-order`, { order_id: 'C', expire_minutes: 0 });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      type: 'urn:delay-broker:problem:publish-refused',
      detail: expect.stringContaining('does not let the user "delay-api" publish to the exchange "delay.in"'),
    });
  });
});

test('a queue that is missing is noticed by who uses it, whatever else it may see', async () => {
  const channel = await (await world.connect()).model.createChannel();
  await channel.deleteQueue('emails');
  await channel.close();
  const consumers = start('consumers', 'main.js', 'consumers', 'emails');
  expect(await consumers.exited).toBe(1);
  expect(consumers.stderr()).toContain('has no queue "emails". Run "npm run topology"');
});

test('the commands survive a shell, whatever the vhost and the exchanges are called', () => {
  const script = userCommands({
    amqpUrl: `amqps://root:HIDDEN@broker.example/${encodeURIComponent("it's $HOME")}?heartbeat=9`,
    ledger: false,
    relayExchanges: ["o'clock", '$(reboot)'],
    makePassword: () => 'made-up',
  });
  const calls = rabbitmqctlCalls(script);
  expect(calls.map(([command, ...args]) => [command, ...args.slice(0, 2)])).toEqual([
    ['add_user', 'delay-bootstrap', 'made-up'],
    ['set_permissions', '-p', "it's $HOME"],
    ['add_user', 'delay-api', 'made-up'],
    ['set_permissions', '-p', "it's $HOME"],
    ['add_user', 'delay-consumers', 'made-up'],
    ['set_permissions', '-p', "it's $HOME"],
  ]);
  expect(calls[5]?.[5]).toContain("|o'clock|\\$\\(reboot\\))$");
  expect(script).toContain(
    "# AMQP_URL=amqps://delay-api:made-up@broker.example/it's%20$HOME?heartbeat=9".replace('$', '%24'),
  );
  expect(script).not.toContain('HIDDEN');
  expect(script).not.toContain('ledger');
});

test('no two passwords are alike', () => {
  const options = { amqpUrl: 'amqp://localhost', ledger: true, relayExchanges: [] };
  const passwords = [...(userCommands(options) + userCommands(options)).matchAll(/echo '(\w{36})'/g)];
  expect(new Set(passwords.map(([, password]) => password)).size).toBe(6);
});
