import { randomUUID } from 'node:crypto';
import { done, reject } from '../src/consumers/outcome';
import { BrokerUnavailableError } from '../src/errors';
import { decodeMessage, encodeMessage, type Message } from '../src/message';
import { park } from '../src/parking';
import { createParkingLot, type ParkingLot } from '../src/parking-lot';
import type { Scheduler } from '../src/scheduler';
import { eventually } from './broker/eventually';
import { createWorld, type World } from './broker/world';

const DELIVERY_LIMIT = 20;
const PARKED_AT = Date.parse('2026-11-20T12:00:00.000Z');

let world: World;
let lot: ParkingLot;
const lotWith = async (scheduler: Scheduler) =>
  createParkingLot({
    connection: await world.connect('read'),
    scheduler,
    recorder: world.recorder,
    clock: Date.now,
    logger: world.log,
    targets: ['orders', 'emails'],
  });

beforeEach(async () => {
  world = await createWorld({ wheel: [{ name: '100ms', unitMs: 100, digits: 9 }] });
  lot = await lotWith(world.scheduler);
});
afterEach(() => world.close());

const message = (id: string, more: Partial<Message> = {}): Message => ({
  id,
  to: 'orders',
  payload: { order_id: id },
  dueAt: 1_000,
  acceptedAt: 1_000,
  attempt: 3,
  delivery: randomUUID(),
  first: { dueAt: 1_000, at: 1_002 },
  ...more,
});

const why = {
  reason: 'attempts exhausted',
  error: 'no luck',
  attempts: 3,
  firstAttemptAt: 1_002,
  lastAttemptAt: 9_000,
};
const parking = () => ({ publisher: world.publisher, clock: () => PARKED_AT });
const parkAll = async (...messages: Message[]) => {
  for (const each of messages) await park(parking(), 'orders', encodeMessage(each), why);
};
const parkMany = async (count: number): Promise<string[]> => {
  const ids = Array.from({ length: count }, (_, i) => `m${i}`);
  await Promise.all(ids.map((id) => park(parking(), 'orders', encodeMessage(message(id)), why)));
  return ids;
};
const parkMalformed = (messageId?: string, content = 'no JSON') =>
  park(
    parking(),
    'orders',
    { content: Buffer.from(content), properties: { messageId } },
    { ...why, reason: 'malformed' },
  );

const idsIn = async (name: string, limit = 100) => (await lot.look(name, limit)).parked.map(({ id }) => id);
const countOf = async (name: string) => (await lot.counts()).find((count) => count.name === name)?.messages;

describe('looking', () => {
  test('shows the oldest with all that is known of them, and how many there are', async () => {
    await parkAll(message('a'), message('b'), message('c'));
    const { messages, parked } = await lot.look('orders', 2);
    expect([messages, parked.map(({ id }) => id)]).toEqual([3, ['a', 'b']]);
    expect(parked[0]).toEqual({
      id: 'a',
      to: 'orders',
      ...why,
      parkedAt: PARKED_AT,
      dueAt: 1_000,
      content: Buffer.from('{"order_id":"a"}'),
    });
    expect(await lot.look('emails', 2)).toEqual({ messages: 0, parked: [] });
  });

  test('changes nothing, however often and however far', async () => {
    const ids = await parkMany(150);
    for (const limit of [1, 20, 5, 40, 100, 35, 20, 3, 100, 77]) {
      expect(await lot.look('orders', limit)).toMatchObject({
        messages: 150,
        parked: ids.slice(0, limit).map((id) => ({ id })),
      });
      expect(await countOf('orders')).toBe(150);
    }
    expect(
      (await world.drainQueue('orders.parked', 150)).map(({ properties }) => properties.messageId),
    ).toEqual(ids);
  });

  test('changes nothing when several look one after the other, each from a process of its own', async () => {
    const ids = await parkMany(150);
    const others = [lot, await lotWith(world.scheduler), await lotWith(world.scheduler)];
    for (const [i, limit] of [20, 50, 10, 100, 20, 35].entries()) {
      const { parked } = (await others[i % 3]?.look('orders', limit)) ?? {};
      expect(parked?.map(({ id }) => id)).toEqual(ids.slice(0, limit));
    }
  });

  test('at the same time shows everybody the same', async () => {
    const ids = await parkMany(40);
    const looks = await Promise.all(Array.from({ length: 8 }, () => lot.look('orders', 30)));
    for (const { messages, parked } of looks)
      expect([messages, parked.map(({ id }) => id)]).toEqual([40, ids.slice(0, 30)]);
    expect(await countOf('orders')).toBe(40);
  });

  test('shows those parked later behind the others', async () => {
    await parkAll(message('a'), message('b'));
    await idsIn('orders');
    await parkAll(message('c'));
    expect(await idsIn('orders')).toEqual(['a', 'b', 'c']);
  });

  test('gives what is malformed an id to ask for, and shows what is not JSON as it is', async () => {
    await parkMalformed(undefined, '\xff');
    await parkMalformed('');
    const { parked } = await lot.look('orders', 10);
    expect(parked.map(({ id }) => id)).toEqual([
      expect.stringMatching(/^\w{26}$/),
      expect.stringMatching(/^\w{26}$/),
    ]);
    expect(parked[0]).toMatchObject({ reason: 'malformed', content: Buffer.from('\xff') });
  });

  test('says when the broker cannot be reached', async () => {
    const connection = await world.connect('ended');
    const cut = createParkingLot({
      connection: { ...connection, state: () => 'down' },
      scheduler: world.scheduler,
      recorder: world.recorder,
      clock: Date.now,
      logger: world.log,
    });
    await expect(cut.look('orders', 1)).rejects.toThrow(BrokerUnavailableError);
  });

  test('goes on after a look that failed', async () => {
    const other = await lotWith(world.scheduler);
    await parkAll(message('a'));
    const channel = await (await world.connect()).model.createChannel();
    await channel.deleteQueue('emails.parked');
    for (let i = 0; i < 2; i++)
      await expect(other.look('emails', 1)).rejects.toThrow(/emails\.parked.*cannot be read for now/);
    expect((await other.look('orders', 1)).messages).toBe(1);
  });
});

test('counts what is parked for each target, and what was unroutable', async () => {
  await parkMany(3);
  expect(await lot.counts()).toEqual([
    { name: 'orders', messages: 3 },
    { name: 'emails', messages: 0 },
    { name: 'delay.unroutable', messages: 0 },
  ]);
});

describe('redriving', () => {
  const handled: Message[] = [];
  const consume = () => {
    handled.length = 0;
    return world.consume('orders', async (each) => {
      handled.push(each);
      return done;
    });
  };

  test('has all handled once more, as if they were new', async () => {
    const old = message('a', { retry: { maxAttempts: 2 } });
    await parkAll(old, message('b'));
    const startedAt = Date.now();
    expect(await lot.redrive('orders')).toEqual({ redriven: 2, notRedriven: [], notFound: [] });
    expect(await countOf('orders')).toBe(0);
    await consume();
    await eventually(() => expect(handled.map(({ id }) => id).sort()).toEqual(['a', 'b']));
    const again = handled.find(({ id }) => id === 'a');
    const { first: _, ...kept } = old;
    expect(again).toEqual({ ...kept, attempt: 1, dueAt: again?.dueAt, delivery: old.delivery });
    expect(again?.dueAt).toBeGreaterThanOrEqual(startedAt);
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ event: 'redriven', target: 'orders', count: 2 }),
    );
  });

  test('of some leaves the others, in their order', async () => {
    const ids = await parkMany(100);
    const odd = ids.filter((_, i) => i % 2);
    expect(await lot.redrive('orders', [...odd, 'm1', 'nobody'])).toEqual({
      redriven: 50,
      notRedriven: [],
      notFound: ['nobody'],
    });
    expect(await idsIn('orders')).toEqual(ids.filter((_, i) => i % 2 === 0));
    await consume();
    await eventually(() => expect(handled.map(({ id }) => id).sort()).toEqual([...odd].sort()));
  });

  test('what is rejected again is parked again, once', async () => {
    const ids = await parkMany(100);
    await world.consume('orders', async () => reject('still not'));
    expect(await lot.redrive('orders')).toMatchObject({ redriven: 100 });
    await eventually(async () => expect((await idsIn('orders')).sort()).toEqual([...ids].sort()));
    expect((await lot.look('orders', 1)).parked[0]).toMatchObject({ reason: 'rejected', attempts: 1 });
  });

  test('what is no message stays and is reported', async () => {
    await parkMalformed('broken');
    await parkAll(message('a'), message('b', { to: 'nowhere' }));
    expect(await lot.redrive('orders')).toEqual({
      redriven: 1,
      notRedriven: [
        { id: 'broken', reason: expect.stringMatching(/^type must be/) },
        { id: 'b', reason: 'there is no target "nowhere"' },
      ],
      notFound: [],
    });
    expect(await idsIn('orders')).toEqual(['broken', 'b']);
    expect(await lot.redrive('orders', ['broken'])).toMatchObject({
      redriven: 0,
      notRedriven: [{ id: 'broken' }],
    });
  });

  test('what is nested too deeply to be sent again stays, and the others go', async () => {
    const content = Buffer.from('['.repeat(100_000) + ']'.repeat(100_000));
    await park(parking(), 'orders', { ...encodeMessage(message('deep')), content }, why);
    await parkAll(message('a'));
    expect(await lot.redrive('orders')).toEqual({
      redriven: 1,
      notRedriven: [{ id: 'deep', reason: 'the body is nested too deeply' }],
      notFound: [],
    });
    expect(await idsIn('orders')).toEqual(['deep']);
  });

  test('removes only what the broker has confirmed', async () => {
    const ids = await parkMany(70);
    const refusing = await lotWith({
      ...world.scheduler,
      forward: async (each) => {
        if (each.id === 'm40') throw new BrokerUnavailableError('gone for now');
        await world.scheduler.forward(each);
      },
    });
    await expect(refusing.redrive('orders')).rejects.toThrow('gone for now');
    const left = await idsIn('orders');
    expect(left).toContain('m40');
    expect(left).toEqual(ids.filter((id) => left.includes(id)));
    await consume();
    await eventually(() => expect([...handled.map(({ id }) => id), ...left].sort()).toEqual([...ids].sort()));
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ event: 'redriven', target: 'orders', count: 70 - left.length }),
    );
    expect(await lot.redrive('orders')).toMatchObject({ redriven: left.length });
  });
});

test('deleting removes those asked for and leaves the others in their order', async () => {
  const ids = await parkMany(70);
  await parkMalformed('broken');
  expect(await lot.remove('orders', ['m3', 'm64', 'nobody', 'broken'])).toEqual({
    deleted: 3,
    notFound: ['nobody'],
  });
  expect(await idsIn('orders')).toEqual(ids.filter((id) => id !== 'm3' && id !== 'm64'));
  expect(world.log.lines).toContainEqual(
    expect.objectContaining({ event: 'deleted', target: 'orders', count: 3 }),
  );
});

describe('what RabbitMQ itself set aside', () => {
  test('a message over its delivery limit says so, and is as new when it is redriven', async () => {
    await world.scheduler.forward(message('fatal', { dueAt: Date.now() }));
    const { model } = await world.connect();
    await eventually(async () => {
      for (let i = 0; i <= DELIVERY_LIMIT; i++) {
        const channel = await model.createChannel();
        const taken = await channel.get('orders');
        if (taken) channel.reject(taken, true);
        await channel.close();
      }
      expect(await countOf('orders')).toBe(1);
    });
    const { parked } = await lot.look('orders', 1);
    expect(parked[0]).toMatchObject({ id: 'fatal', reason: 'delivery limit', parkedAt: expect.any(Number) });
    expect(parked[0]).not.toHaveProperty('error');
    expect(Math.abs(Date.now() - (parked[0]?.parkedAt ?? 0))).toBeLessThan(60_000);

    expect(await lot.redrive('orders')).toMatchObject({ redriven: 1 });
    const [redriven] = await world.drainQueue('orders', 1);
    if (!redriven) throw new Error('nothing was redriven');
    expect(decodeMessage(redriven)).toMatchObject({ id: 'fatal', attempt: 1 });
    expect(Object.keys(redriven.properties.headers ?? {}).join()).not.toContain('death');
  });

  test('what no binding took is shown, and arrives once there is one again', async () => {
    const channel = await (await world.connect()).model.createChannel();
    const unroutable = message('lost', { to: 'emails', dueAt: Date.now() });
    await channel.unbindQueue('emails', 'delay.due', '*.emails');
    await world.scheduler.forward(unroutable);
    await world.publisher.publish({
      exchange: 'delay.due',
      routingKey: '0.nowhere',
      content: Buffer.from('x'),
      properties: { messageId: '' },
    });
    await eventually(async () => expect(await countOf('delay.unroutable')).toBe(2));
    const { parked } = await lot.look('delay.unroutable', 10);
    expect(parked).toEqual([
      expect.objectContaining({ id: 'lost', to: 'emails', reason: 'unroutable', dueAt: unroutable.dueAt }),
      { reason: 'unroutable', content: Buffer.from('x') },
    ]);

    await channel.bindQueue('emails', 'delay.due', '*.emails');
    expect(await lot.redrive('delay.unroutable')).toEqual({
      redriven: 1,
      notRedriven: [{ id: undefined, reason: expect.stringMatching(/^message_id/) }],
      notFound: [],
    });
    expect((await world.drainQueue('emails', 1))[0]?.properties.messageId).toBe('lost');
    expect(await countOf('delay.unroutable')).toBe(1);
  });
});
