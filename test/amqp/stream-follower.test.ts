/** Following a stream on a real broker: everything once, in order, and certainty up to when. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import { openConnection } from '../../src/amqp/connection';
import { entryAt, type StreamEntry } from '../../src/amqp/stream';
import { followStream, type StreamFollower } from '../../src/amqp/stream-follower';
import { CONTROL } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { startProxy } from '../broker/proxy';
import { createWorld, type World } from '../broker/world';

let world: World;
let entries: string[];
let offsets: number[];
let renewals: number;
const followers: StreamFollower[] = [];

beforeEach(async () => {
  world = await createWorld({
    wheel: [],
    targets: [],
    topology: { controlLimits: { maxAgeS: 600, segmentBytes: 4_000 } },
  });
  entries = [];
  offsets = [];
  renewals = 0;
});
afterEach(async () => {
  await Promise.all(followers.splice(0).map((follower) => follower.close()));
  await world.close();
});

const follow = async (more: Partial<Parameters<typeof followStream>[0]> = {}) => {
  const follower = await followStream({
    connection: await world.connect('follow'),
    publisher: world.publisher,
    stream: CONTROL,
    exchange: CONTROL,
    consumerTag: 'follower',
    onEntry: ({ content, offset }: StreamEntry) => {
      entries.push(String(content));
      offsets.push(offset);
    },
    onRenewed: () => renewals++,
    logger: world.log,
    ...more,
  });
  followers.push(follower);
  return follower;
};

const write = (...contents: string[]) =>
  Promise.all(
    contents.map((content) =>
      world.publisher.publish({
        exchange: CONTROL,
        routingKey: '',
        content: Buffer.from(content),
        properties: { messageId: content },
      }),
    ),
  );

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));

test('what was there before is known before it says so, then what comes, each once and in order', async () => {
  await write(...numbers(3_000));
  const follower = await follow();
  await follower.knownSince(0);
  expect(entries).toEqual(numbers(3_000));
  await write(...numbers(100, 3_000));
  await follower.knownSince(0);
  expect(entries).toEqual(numbers(3_100));
  expect(follower.caughtUp()).toBe(true);
});

test('an entry confirmed is known to everybody who asks afterwards, however often', async () => {
  const follower = await follow();
  for (const content of numbers(50)) {
    await write(content);
    await follower.knownSince(0);
    expect(entries.at(-1)).toBe(content);
  }
});

test('entries that come at the moment of asking do not interrupt the reading', async () => {
  const follower = await follow();
  await follower.knownSince(0);
  let writing = true;
  const written = (async () => {
    while (writing) await write(...numbers(20));
  })();
  for (let asked = 0; asked < 50; asked++) await follower.knownSince(0);
  writing = false;
  await written;
  expect(world.log.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});

test('that the stream cannot be marked is said once, however often it is tried', async () => {
  let refusals = 3;
  const follower = await follow({
    publisher: {
      publish: async (publication) => {
        if (refusals-- > 0) throw new Error('no confirm');
        await world.publisher.publish(publication);
      },
    },
  });
  await follower.knownSince(0);
  expect(refusals).toBeLessThan(0);
  expect(world.log.lines.filter(({ event }) => event === 'stream not marked yet')).toHaveLength(1);
});

test('a mark that was confirmed and never got into the stream is written again, while other entries come', async () => {
  let written = 0;
  const follower = await follow({
    markAgainMs: 100,
    publisher: {
      publish: async (publication) => {
        if (written++ === 0) await sleep(20);
        else await world.publisher.publish(publication);
      },
    },
  });
  let isKnown = false;
  const known = follower.knownSince(0).then(() => {
    isKnown = true;
  });
  for (let n = 0; !isKnown; n++) {
    await write(String(n));
    await sleep(50);
  }
  await known;
  expect(written).toBeGreaterThan(1);
}, 60_000);

test('what was proven a moment ago needs no further asking', async () => {
  const follower = await follow();
  await follower.knownSince(0);
  const connection = await world.connect();
  const channel = await connection.model.createChannel();
  await channel.deleteQueue(CONTROL);
  await expect(follower.knownSince(60_000)).resolves.toBeUndefined();
});

test('a reading that stalls without a word is noticed: nothing is proven, until it has been read anew', async () => {
  let withhold = false;
  const connection = await world.connect('stalling');
  const model = new Proxy(connection.model, {
    get: (target, name) =>
      name === 'createChannel'
        ? async () => withholding(await target.createChannel())
        : Reflect.get(target, name),
  });
  // Only what the follower reads is withheld, not the answers to its questions for the latest entry.
  const withholding = (channel: Channel) =>
    new Proxy(channel, {
      get(target, name) {
        if (name !== 'consume') {
          const value = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return (queue: string, onMessage: (message: unknown) => void, options: { consumerTag?: string }) =>
          target.consume(
            queue,
            (message) => {
              if (!withhold || options.consumerTag !== 'follower') onMessage(message);
              else if (message) target.ack(message);
            },
            options,
          );
      },
    });
  const follower = await follow({ connection: { ...connection, model } });
  await follower.knownSince(0);
  withhold = true;
  await write('hidden');
  let proven = false;
  const proof = follower.knownSince(0).then(() => {
    proven = true;
  });
  await eventually(() =>
    expect(world.log.lines).toContainEqual(expect.objectContaining({ event: 'stream read anew' })),
  );
  expect([proven, entries, follower.caughtUp()]).toEqual([false, [], false]);
  withhold = false;
  await proof;
  expect(entries).toEqual(['hidden']);
});

test('a question for the latest entry that is not answered holds nobody up for long', async () => {
  let hanging = false;
  const connection = await world.connect('hanging');
  const model = new Proxy(connection.model, {
    get: (target, name) =>
      name === 'createChannel' ? async () => asking(await target.createChannel()) : Reflect.get(target, name),
  });
  const asking = (channel: Channel) =>
    new Proxy(channel, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name === 'consume' && hanging) return () => new Promise(() => {});
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const follower = await follow({ connection: { ...connection, model } });
  await follower.knownSince(0);
  hanging = true;
  const proof = follower.knownSince(0);
  await eventually(() =>
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ event: 'stream read anew', why: 'no answer within 10000 ms' }),
    ),
  );
  hanging = false;
  await proof;
  expect(follower.caughtUp()).toBe(true);
});

test('who waits for a proof can give up', async () => {
  const follower = await follow({ publisher: { publish: () => Promise.reject(new Error('blocked')) } });
  const giveUp = new AbortController();
  const proof = follower.knownSince(0, giveUp.signal);
  giveUp.abort(new Error('lost'));
  await expect(proof).rejects.toThrow('lost');
  expect(follower.caughtUp()).toBe(false);
});

test('a connection that is cut is read on from where it was', async () => {
  const proxy = await startProxy(world.amqpUrl);
  const { amqpUrl: url } = proxy;
  const connection = await openConnection({ url, name: 'cut', connectWaitMs: 10_000, logger: world.log });
  const follower = await follow({ connection });
  await write(...numbers(10));
  await follower.knownSince(0);
  proxy.cut();
  await eventually(() => expect(connection.state()).toBe('down'));
  await write(...numbers(10, 10));
  await follower.knownSince(0);
  expect([entries, renewals]).toEqual([numbers(20), 0]);
  await connection.close();
  await proxy.close();
});

test('a stream that is deleted and declared anew is read from its beginning', async () => {
  const follower = await follow();
  await write(...numbers(10));
  await follower.knownSince(0);
  const channel = await (await world.connect()).model.createChannel();
  await channel.deleteQueue(CONTROL);
  await eventually(() => expect(follower.caughtUp()).toBe(false));
  const queue = world.topology.queues.find(({ name }) => name === CONTROL);
  await channel.assertQueue(CONTROL, { durable: true, arguments: queue?.arguments });
  await channel.bindQueue(CONTROL, CONTROL, '');
  await write('new');
  await follower.knownSince(0);
  expect([entries.at(-1), renewals]).toEqual(['new', 1]);
});

test('entries cut off are not waited for', async () => {
  expect((await follow()).isCut()).toBe(false);
  await Promise.all(followers.splice(0).map((follower) => follower.close()));
  await world.close();
  world = await createWorld({
    wheel: [],
    targets: [],
    topology: { controlLimits: { maxAgeS: 1, segmentBytes: 4_000 } },
  });
  // Segment after segment, until the first ones are older than a second and gone.
  await eventually(async () => {
    await write(...numbers(60).map((n) => n.padEnd(100)));
    const reader = await follow({ onEntry: () => {}, consumerTag: `reader-${followers.length}` });
    await reader.knownSince(0);
    expect(reader.isCut()).toBe(true);
  }, 30_000);
});

test('a single entry is found by its offset, and none where there is none any more', async () => {
  await write(...numbers(500));
  const follower = await follow();
  await follower.knownSince(0);
  const at = entries.indexOf('321');
  const connection = await world.connect();
  expect(String((await entryAt(connection, CONTROL, offsets[at] ?? -1))?.content)).toBe('321');
  expect(await entryAt(connection, CONTROL, 1_000_000)).toBeUndefined();
});
