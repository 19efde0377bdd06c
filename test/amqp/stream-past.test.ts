/** Reading what a stream has, on a real broker: from a time on, up to the end, and knowing what is missing before it. */
import { randomUUID } from 'node:crypto';
import type { BrokerConnection } from '../../src/amqp/connection';
import { type PastOptions, readPast } from '../../src/amqp/stream-past';
import { BrokerUnavailableError } from '../../src/errors';
import { CONTROL } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

let world: World;
beforeEach(async () => {
  world = await createWorld({
    wheel: [],
    targets: [],
    topology: { controlLimits: { maxBytes: 40_000, segmentBytes: 4_000 } },
  });
});
afterEach(() => world.close());

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));

const write = (contents: readonly string[]) =>
  Promise.all(
    contents.map((content) =>
      world.publisher.publish({
        exchange: CONTROL,
        routingKey: '',
        content: Buffer.from(content),
        properties: { messageId: randomUUID() },
      }),
    ),
  );

async function read(options: Partial<PastOptions> = {}) {
  const entries: string[] = [];
  const connection = options.connection ?? (await world.connect('read'));
  const onEntry: PastOptions['onEntry'] = ({ content }) => void entries.push(String(content));
  const { isCut } = await readPast({ connection, stream: CONTROL, onEntry, ...options });
  return { entries, isCut };
}

test('everything is read, once and in order, up to what is there', async () => {
  await write(numbers(3));
  expect(await read()).toEqual({ entries: numbers(3), isCut: false });
  await write(numbers(100, 3));
  expect(await read()).toEqual({ entries: numbers(103), isCut: false });
});

/** Times in a stream are those of its chunks, and RabbitMQ is asked in whole seconds. */
async function nextSecond() {
  const second = () => Math.floor(Date.now() / 1_000);
  const now = second();
  await eventually(() => expect(second()).toBeGreaterThan(now));
}

test('with a time what was written before it is left out', async () => {
  await write(numbers(5));
  await nextSecond();
  const since = Date.now();
  await write(numbers(5, 5));
  expect(await read({ since })).toEqual({ entries: numbers(5, 5), isCut: false });
  expect(await read({ since: since - 3_600_000 })).toEqual({ entries: numbers(10), isCut: false });
});

test('with a time after all that is there nothing is read', async () => {
  await write(numbers(5));
  expect(await read({ since: Date.now() + 60_000 })).toEqual({ entries: [], isCut: false });
});

test('what was cut off is told, unless it does not matter', async () => {
  for (let i = 0; i < 20; i++) {
    await write(Array.from({ length: 20 }, () => 'x'.repeat(1_000)));
  }
  const all = await read();
  expect(all.isCut).toBe(true);
  expect(all.entries.length).toBeLessThan(400);
  expect(await read({ since: 0 })).toEqual(all);
  await nextSecond();
  const since = Date.now();
  await write(numbers(5));
  expect(await read({ since })).toEqual({ entries: numbers(5), isCut: false });
});

test('an entry that cannot be taken ends the reading', async () => {
  await write(numbers(2));
  const fails = () => {
    throw new Error('no more');
  };
  await expect(read({ onEntry: fails })).rejects.toThrow(BrokerUnavailableError);
  await expect(read({ onEntry: fails })).rejects.toThrow('cannot be read for now: no more.');
});

test('so does the signal, before and while it goes on', async () => {
  await write(numbers(2));
  const aborted = AbortSignal.abort(new Error('too long'));
  await expect(read({ signal: aborted })).rejects.toThrow('too long');
  const ending = new AbortController();
  const onEntry = () => ending.abort(new Error('enough'));
  await write(numbers(2_000));
  await expect(read({ signal: ending.signal, onEntry })).rejects.toThrow('enough');
});

/** The same connection, on which so many consumers get no more than two messages. */
function stalling(connection: BrokerConnection, times: number): BrokerConnection {
  let stalled = 0;
  const createChannel = async () => {
    const channel = await connection.model.createChannel();
    const consume = channel.consume.bind(channel);
    channel.consume = (queue, onMessage, options) => {
      // That is how one begins that reads everything; those that look for the latest entry begin otherwise.
      const from = options?.arguments?.['x-stream-offset'];
      const stalls = (from === 'first' || Number(from) > 0) && stalled < times;
      if (stalls) stalled++;
      let left = stalls ? 2 : Number.POSITIVE_INFINITY;
      return consume(queue, (message) => left-- > 0 && onMessage(message), options);
    };
    return channel;
  };
  const model = Object.create(connection.model, { createChannel: { value: createChannel } });
  return { ...connection, model };
}

test('a reader that gets no more entries begins anew where it was, and gives up the third time', async () => {
  await write(numbers(10));
  const connection = await world.connect('stalling');
  const stalledTwice = read({ connection: stalling(connection, 2) });
  const stalledAlways = read({ connection: stalling(connection, 3) });
  await expect(stalledAlways).rejects.toThrow(/no entry came within \d+ ms, and \d+ is there/);
  expect(await stalledTwice).toEqual({ entries: numbers(10), isCut: false });
}, 30_000);

test('a stream that is not there, or has no entry, cannot be read', async () => {
  await expect(read()).rejects.toThrow(`${CONTROL} has no entry`);
  await expect(read({ stream: 'nowhere' })).rejects.toThrow(BrokerUnavailableError);
});

test('one that is lost meanwhile says so', async () => {
  await write(numbers(2_000));
  const connection = await world.connect('lost');
  const onEntry = () => void connection.close();
  await expect(read({ connection, onEntry })).rejects.toThrow(BrokerUnavailableError);
});
