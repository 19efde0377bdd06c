/** Cancelling and one id once as callers meet it: real processes, over HTTP. */
import { bootstrap } from '../src/bootstrap';
import { ledgerPublication } from '../src/ledger/recorder';
import { delayTopology } from '../src/topology';
import { eventsOf, keepEvents } from './broker/events';
import { eventually } from './broker/eventually';
import { post, type Service, startService } from './broker/service';
import { createWorld, type World } from './broker/world';

let world: World;
let services: Service[];
const start = (role: string, env: NodeJS.ProcessEnv = {}) => {
  const service = startService(['main.js', role], { AMQP_URL: world.amqpUrl, ...env });
  services.push(service);
  return service;
};
const begin = async (topology = {}) => {
  services = [];
  world = await createWorld({ topology });
};
afterEach(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  await world.close();
});

/** What a request is answered with: its status, its body, and whether it is a repeated answer. */
const call = async (answer: Promise<Response>) => {
  const response = await answer;
  const replayed = response.headers.get('Idempotent-Replayed') === 'true';
  return { status: response.status, replayed, body: (await response.json()) as Record<string, unknown> };
};
const submit = (url: string, order_id: string, expire_minutes?: number) =>
  call(post(`${url}/submit-order`, { order_id, ...(expire_minutes !== undefined && { expire_minutes }) }));
const paid = (url: string, orderId: string) => call(post(`${url}/orders/${orderId}/paid`, {}));
const look = (url: string, path: string) => call(fetch(`${url}${path}`));

test('an order that is submitted twice expires once, and one that is paid does not, whichever process is asked', async () => {
  await begin();
  await keepEvents(world);
  const [one, other, consumers] = [start('api'), start('api'), start('consumers')];
  const [url, otherUrl] = await Promise.all([one.url(), other.url()]);
  await consumers.logged('consuming', { to: 'relay' });

  const first = await submit(url, 'paid', 1);
  expect(first).toMatchObject({ status: 202, replayed: false, body: { id: 'order:paid' } });
  await eventually(async () =>
    expect(await look(otherUrl, '/v1/messages/order:paid')).toMatchObject({ status: 200 }),
  );
  expect(await submit(otherUrl, 'paid', 1)).toEqual({ ...first, replayed: true });
  expect(await submit(otherUrl, 'paid', 2)).toMatchObject({ status: 409 });
  const cancelled = { status: 200, body: { id: 'order:paid', status: 'cancelled' } };
  expect(await paid(otherUrl, 'paid')).toMatchObject(cancelled);
  expect(await paid(url, 'paid')).toMatchObject(cancelled);

  const twice = await Promise.all([submit(url, 'unpaid', 0), submit(otherUrl, 'unpaid', 0)]);
  expect(twice.map(({ status }) => status)).toEqual([202, 202]);
  await eventually(async () =>
    expect(await look(url, '/v1/messages/order:unpaid')).toMatchObject({
      body: { status: 'handled', attempts: 1 },
    }),
  );
  expect(await paid(url, 'unpaid')).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('was handled') },
  });
  await expect(Promise.all(services.map((service) => service.end()))).resolves.toEqual([0, 0, 0]);
  expect((await eventsOf(world, 1)).map(({ order_id }) => order_id)).toEqual(['unpaid']);
});

test('what a message has come to outlives the process that accepted it', async () => {
  await begin();
  const first = start('api');
  const request = { to: 'orders', payload: { order_id: 'A1' }, delay: '1h', id: 'mine', key: 'customer-7' };
  const accepted = await call(post(`${await first.url()}/v1/messages`, request));
  await first.end('SIGKILL');

  const url = await start('api').url();
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  expect(await call(post(`${url}/v1/messages`, request))).toEqual({ ...accepted, replayed: true });
  const moved = await call(
    fetch(`${url}/v1/messages/mine`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: '{"delay": "2h"}',
    }),
  );
  expect(moved).toMatchObject({ status: 200 });
  expect(await look(url, '/v1/messages?key=customer-7')).toMatchObject({
    body: { messages: [{ id: 'mine', status: 'scheduled', due_at: moved.body.due_at }], complete: true },
  });
});

test('an API is not ready before it has read the ledger, and tells nothing wrong until then', async () => {
  await begin();
  const now = Date.now();
  for (let i = 0; i < 60_000; i += 2_000) {
    await Promise.all(
      Array.from({ length: 2_000 }, (_, j) => {
        const id = `handled-${i + j}`;
        const entry = { id, to: 'orders', delivery: id, attempt: 1, dueAt: now, at: now } as const;
        return world.publisher.publish(ledgerPublication({ kind: 'handled', ...entry }));
      }),
    );
  }
  const api = start('api');
  const url = await api.url();
  const early = await look(url, '/readyz');
  expect(early).toMatchObject({
    status: 503,
    body: { detail: expect.stringContaining('Reading the ledger.') },
  });
  expect([200, 503]).toContain((await look(url, '/v1/messages/handled-59999')).status);
  await eventually(async () => expect((await look(url, '/readyz')).status).toBe(200));
  expect(await look(url, '/v1/messages/handled-59999')).toMatchObject({ body: { status: 'handled' } });
  expect(await look(url, '/v1/overview')).toMatchObject({
    body: {
      counts: { orders: { handled: 60_000 } },
      ledger: { messages: 60_000, full: false },
      complete: true,
    },
  });
});

test('with room for less, the view says so', async () => {
  await begin();
  const url = await start('api', { LEDGER_MAX: '1000' }).url();
  for (let i = 0; i < 1_100; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, j) => submit(url, `order-${i + j}`)));
  }
  await eventually(async () =>
    expect(await look(url, '/v1/overview')).toMatchObject({
      body: { ledger: { messages: 1_000, most: 1_000, full: true }, complete: false },
    }),
  );
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('delay_broker_ledger_full 1');
});

test('without a ledger messages are scheduled, handled and, by an id that the service made, cancelled', async () => {
  await begin({ ledger: false });
  const channel = await (await world.connect()).model.createChannel();
  channel.on('error', () => {});
  await expect(channel.checkQueue('delay.ledger')).rejects.toThrow('NOT_FOUND');
  const env = { LEDGER: 'off' };
  const all = start('all', env);
  const url = await all.url();
  await expect(bootstrap(await world.connect(), delayTopology({ ledger: false }))).resolves.toContain(
    '(0 new)',
  );

  const message = { to: 'orders', payload: { order_id: 'A1' }, delay: '6s' };
  const accepted = await call(post(`${url}/v1/messages`, message));
  expect(accepted.status).toBe(202);
  const id = String(accepted.body.id);
  expect(await call(fetch(`${url}/v1/messages/${id}`, { method: 'DELETE' }))).toMatchObject({ status: 200 });
  await all.logged('void, dropped', { messageId: id });
  await submit(url, 'A2', 0);
  await submit(url, 'A2', 0);
  await eventually(() => expect(all.log.filter(({ message }) => message === 'handled')).toHaveLength(2));

  const refused = await Promise.all([
    look(url, `/v1/messages/${id}`),
    look(url, '/v1/messages'),
    look(url, '/v1/overview'),
    paid(url, 'A2'),
    call(post(`${url}/v1/messages`, { ...message, id: 'mine' })),
  ]);
  for (const { status, body } of refused)
    expect({ status, ...body }).toMatchObject({ status: 501, detail: expect.stringContaining('LEDGER=off') });
});
