/** What only shows with real processes: several side by side, one that is killed, one that cannot start. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { hostname } from 'node:os';
import { managementRequest } from '../dev/management';
import { newApiKey } from '../src/http/api-keys';
import { encodeMessage, idDueAt } from '../src/message';
import { earlyOnes, eventsOf, keepEvents } from './broker/events';
import { eventually } from './broker/eventually';
import { freePort } from './broker/node';
import { post, type Service, startService } from './broker/service';
import { createWorld, type World } from './broker/world';
import { samplesOf } from './samples';

const managementUrl = process.env.TEST_MANAGEMENT_URL ?? '';

describe('on a broker that is up', () => {
  let world: World;
  let services: Service[];
  const start = (...args: string[]) => {
    // So many requests at once can keep a busy broker longer than the default.
    const service = startService(['main.js', ...args], {
      AMQP_URL: world.amqpUrl,
      CONFIRM_TIMEOUT_MS: '10000',
    });
    services.push(service);
    return service;
  };

  beforeEach(async () => {
    services = [];
    world = await createWorld();
    await keepEvents(world);
  });
  afterEach(async () => {
    await Promise.all(services.map((service) => service.end('SIGKILL')));
    await world.close();
  });

  test('two APIs and two consumers handle each message once, and all end with 0 on SIGTERM', async () => {
    const apis = [start('api'), start('api')];
    const consumers = [start('consumers', 'orders'), start('consumers', 'orders')];
    const urls = await Promise.all(apis.map((api) => api.url()));
    await Promise.all(consumers.map((consumer) => consumer.logged('consuming', { to: 'orders' })));

    const orderIds = Array.from({ length: 200 }, (_, i) => `order-${i}`);
    const answers = await Promise.all(
      orderIds.map((order_id, i) =>
        post(`${urls[i % 2]}/v1/messages`, {
          to: 'orders',
          payload: { order_id, expire_minutes: 0 },
          delay_ms: (i * 37) % 2_000,
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(orderIds.map(() => 202));

    await eventually(() => {
      const handled = consumers.map(({ log }) => log.filter(({ message }) => message === 'handled').length);
      expect(handled.reduce((sum, each) => sum + each, 0)).toBeGreaterThanOrEqual(200);
      expect(Math.min(...handled)).toBeGreaterThan(0);
    });
    await expect(Promise.all([...apis, ...consumers].map((service) => service.end()))).resolves.toEqual([
      0, 0, 0, 0,
    ]);
    const events = await eventsOf(world, 200);
    expect(events.map(({ order_id }) => order_id).sort()).toEqual([...orderIds].sort());
    expect(earlyOnes(events)).toEqual([]);
  });

  test('messages in the hands of a consumer that is killed are handled by the next one', async () => {
    const killed = start('consumers', 'orders');
    await killed.logged('consuming');
    const channel = await (await world.connect()).model.createChannel();
    const orderIds = Array.from({ length: 20 }, (_, i) => `order-${i}`);
    const dueAt = Date.now() + 950;
    // Past the wheel, so that they are in the consumer's hands long before they are due.
    await Promise.all(
      orderIds.map((order_id) => {
        const id = idDueAt(dueAt);
        return world.publisher.publish({
          exchange: 'delay.due',
          routingKey: '0.0.0.0.0.0.0.0.orders',
          ...encodeMessage({
            id,
            to: 'orders',
            payload: { order_id, expire_minutes: 0 },
            dueAt,
            acceptedAt: dueAt,
            attempt: 1,
            delivery: id,
          }),
        });
      }),
    );
    await eventually(async () => expect((await channel.checkQueue('orders')).messageCount).toBe(0));
    await killed.end('SIGKILL');
    expect(killed.log.filter(({ message }) => message === 'handled')).toEqual([]);

    start('consumers', 'orders');
    const events = await eventsOf(world, 20);
    expect(events.map(({ order_id }) => order_id).sort()).toEqual([...orderIds].sort());
    expect(earlyOnes(events)).toEqual([]);
  });

  test('a SIGTERM amid requests and handling: what was accepted is handled, here or by the next process', async () => {
    const stopped = start('all');
    const url = await stopped.url();
    const answers = Promise.allSettled(
      Array.from({ length: 100 }, async (_, i) => {
        const order_id = `order-${i}`;
        const { status } = await post(`${url}/submit-order`, { order_id, expire_minutes: 0 });
        return { order_id, status };
      }),
    );
    await stopped.logged('order.expired');
    await expect(stopped.end()).resolves.toBe(0);

    // The others came too late to be let in.
    const answered = (await answers).flatMap((answer) =>
      answer.status === 'fulfilled' ? [answer.value] : [],
    );
    expect(answered.filter(({ status }) => status !== 202)).toEqual([]);
    expect(answered.length).toBeGreaterThan(0);
    start('consumers', 'orders');
    const handled = new Set<string>();
    await eventually(async () => {
      for (const { order_id } of await eventsOf(world, 0)) handled.add(order_id);
      expect([...handled]).toEqual(expect.arrayContaining(answered.map(({ order_id }) => order_id)));
    });
  });

  test('each role shows its metrics: the API on its port, consumers beside their health', async () => {
    const api = start('api');
    const healthPort = String(await freePort());
    const consumer = startService(['main.js', 'consumers', 'orders'], {
      AMQP_URL: world.amqpUrl,
      HEALTH_PORT: healthPort,
    });
    services.push(consumer);
    const [apiUrl, consumerUrl] = await Promise.all([api.url(), consumer.url()]);
    await post(`${apiUrl}/submit-order`, { order_id: 'A1', expire_minutes: 0 });
    await consumer.logged('handled');

    const metricsOf = async (url: string) => samplesOf(await (await fetch(`${url}/metrics`)).text());
    const ofApi = await metricsOf(apiUrl);
    expect(ofApi).toMatchObject({
      'delay_broker_accepted_total{target="orders"}': 1,
      'delay_broker_connection_up{purpose="publish"}': 1,
    });
    const ofConsumer = await metricsOf(consumerUrl);
    expect(ofConsumer).toMatchObject({
      'delay_broker_handled_total{target="orders",outcome="done"}': 1,
      'delay_broker_consuming{target="orders"}': 1,
      'delay_broker_handlers{target="orders"}': 50,
      'delay_broker_connection_up{purpose="consume"}': 1,
    });
    // The message's and the event's, and those of what is written to make sure that all verdicts have been read.
    for (const { delay_broker_confirm_seconds_count: confirms } of [ofApi, ofConsumer])
      expect(confirms).toBeGreaterThan(0);
  });

  test('with keys the API takes a message from whoever has one, and says how it is to everybody', async () => {
    const { key, entry } = newApiKey('shop', ['orders']);
    const api = startService(['main.js', 'api'], { AMQP_URL: world.amqpUrl, API_KEYS: entry });
    services.push(api);
    const url = await api.url();
    const submit = (headers: Record<string, string>) =>
      fetch(`${url}/submit-order`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: '{"order_id": "A1"}',
      });
    expect((await submit({})).status).toBe(401);
    expect((await submit({ Authorization: `Bearer ${key}` })).status).toBe(202);
    await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
    expect(JSON.stringify(api.log)).not.toContain(key);
  });

  test('a process that only consumes tells its health on every address, without keys', async () => {
    const consumer = startService(['main.js', 'consumers', 'emails'], {
      AMQP_URL: world.amqpUrl,
      HTTP_HOST: '0.0.0.0',
      HEALTH_PORT: '0',
    });
    services.push(consumer);
    const { port } = new URL(await consumer.url());
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
  });

  test('in the management UI each connection and consumer says what, where and which process it is', async () => {
    const consumer = start('consumers', 'emails');
    await consumer.logged('consuming', { to: 'emails' });
    const name = `${hostname()}:${consumer.process.pid}`;
    await eventually(async () => {
      const connections = (await managementRequest(
        managementUrl,
        'GET',
        `/api/vhosts/${world.vhost}/connections`,
      )) as {
        client_properties?: { connection_name?: string };
      }[];
      expect(connections.map(({ client_properties }) => client_properties?.connection_name)).toEqual(
        expect.arrayContaining([`consumers publish@${name}`, `consumers consume@${name}`]),
      );
      const consumers = await world.look<{ consumer_tag: string; queue: { name: string } }[]>('consumers');
      expect(consumers.map(({ consumer_tag, queue }) => [queue.name, consumer_tag]).sort()).toEqual([
        ['delay.control', `control@${name}`],
        ['delay.keeper', `keeper@${name}`],
        ['emails', `emails@${name}`],
      ]);
    });
  });
});

/** What a process that exits with 1 writes to standard error. */
const failed = async (args: string[], env: NodeJS.ProcessEnv) => {
  const service = startService(args, env);
  expect(await service.exited).toBe(1);
  expect(service.stderr()).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return service.stderr();
};

describe('a process that cannot start says why and what to do, and exits with 1', () => {
  test.each(['main.js', 'main.js api', 'topology.js'])('no RabbitMQ: %s', async (command) => {
    const port = await freePort();
    const stderr = await failed(command.split(' '), {
      AMQP_URL: `amqp://shop:hunter2@127.0.0.1:${port}`,
      CONNECT_WAIT_MS: '0',
    });
    expect(stderr).toContain(`Cannot reach RabbitMQ at 127.0.0.1:${port}`);
    expect(stderr).toContain('rabbitmq-diagnostics ping');
    expect(stderr).toContain('AMQP_URL');
    expect(stderr).not.toContain('hunter2');
  });

  test('a password that is wrong', async () => {
    const stderr = await failed(['main.js'], {
      AMQP_URL: (process.env.TEST_AMQP_URL ?? '').replace('guest:guest', 'guest:hunter2'),
      CONNECT_WAIT_MS: '0',
    });
    expect(stderr).toContain('refuses the user "guest"');
    expect(stderr).not.toContain('hunter2');
  });

  test('a vhost that is not there', async () => {
    const stderr = await failed(['main.js'], {
      AMQP_URL: `${process.env.TEST_AMQP_URL}/nowhere`,
      CONNECT_WAIT_MS: '0',
    });
    expect(stderr).toContain('Check that the vhost exists');
  });

  test('environment variables that are wrong, all of them', async () => {
    const stderr = await failed(['main.js'], {
      AMQP_URL: 'localhost',
      HTTP_PORT: 'eighty',
      LOG_LEVEL: 'loud',
    });
    expect(stderr).toMatch(/AMQP_URL: must be a URL such as amqp:/);
    expect(stderr).toMatch(/HTTP_PORT: /);
    expect(stderr).toMatch(/LOG_LEVEL: /);
  });

  test.each(['main.js', 'main.js api'])('an API for everybody on every address: %s', async (command) => {
    const stderr = await failed(command.split(' '), { AMQP_URL: 'amqp://localhost', HTTP_HOST: '0.0.0.0' });
    expect(stderr).toContain('HTTP_HOST: 0.0.0.0 can be reached from other machines');
    expect(stderr).toContain('npm run key -- NAME');
    expect(stderr).toContain('ALLOW_ANONYMOUS=true');
  });

  test.each(['chef', 'consumers parcels', 'api orders'])('no such role: %s', async (role) => {
    const stderr = await failed(['main.js', ...role.split(' ')], { AMQP_URL: 'amqp://localhost' });
    expect(stderr).toContain(
      'usage: node dist/main.js [all | api | consumers [orders emails webhooks relay reports ticks]]',
    );
  });
});

describe('so does one whose broker is up', () => {
  let world: World;
  afterEach(() => world.close());

  test('a broker without the queues', async () => {
    world = await createWorld({ wheel: [], targets: [] });
    expect(await failed(['main.js', 'consumers'], { AMQP_URL: world.amqpUrl })).toContain(
      'Run "npm run topology"',
    );
  });

  test('a port that is taken', async () => {
    world = await createWorld();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const stderr = await failed(['main.js', 'api'], { AMQP_URL: world.amqpUrl, HTTP_PORT: String(port) });
    taken.close();
    expect(stderr).toContain(`Port ${port} on 127.0.0.1 is in use; choose another with HTTP_PORT`);
  });
});
