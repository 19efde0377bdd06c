/** Whatever RabbitMQ is asked is answered or given up, without a broker. */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import { type AnsweringConnection, openAnswering } from '../../src/amqp/answers';
import type { ConnectionState } from '../../src/amqp/connection';
import { eventually } from '../broker/eventually';
import { type RecordedLog, recordedLog } from '../broker/world';

const LOOK_MS = 20;
/** Longer than the limit, and than it takes to close what is given up. */
const LONG_MS = 8 * LOOK_MS;

/** A channel that answers when it is told to. */
function silentChannel() {
  const answers: ((value?: unknown) => void)[] = [];
  const refusals: ((error: Error) => void)[] = [];
  const ask = jest.fn(
    (..._args: unknown[]) =>
      new Promise<unknown>((resolve, reject) => {
        answers.push(resolve);
        refusals.push(reject);
      }),
  );
  const acknowledged: unknown[] = [];
  const events = new EventEmitter();
  const close = jest.fn(() => new Promise<void>(() => {}));
  const channel = Object.assign(events, {
    ...{ close, checkQueue: ask, consume: ask, prefetch: ask },
    ack: (message: unknown) => acknowledged.push(message),
  });
  return {
    ...{ answers, refusals, ask, close, acknowledged, events },
    channel: channel as unknown as Channel,
  };
}

let state: ConnectionState;
let log: RecordedLog;
let gaveUp: string[];
let mayGiveUp: boolean;
let connection: AnsweringConnection;
beforeEach(() => {
  state = 'up';
  log = recordedLog();
  gaveUp = [];
  mayGiveUp = true;
  connection = {
    host: 'broker:5672',
    state: () => state,
    logger: log,
    giveUp(why) {
      gaveUp.push(why);
      return mayGiveUp;
    },
  };
});

async function open() {
  const silent = silentChannel();
  const channel = await openAnswering(connection, async () => silent.channel, LOOK_MS);
  const closed = jest.fn();
  channel.once('close', closed);
  return { ...silent, channel, closed };
}

const NO_ANSWER = 'RabbitMQ at broker:5672 did not answer within 0.06 s: checkQueue orders';

test('what is answered is passed on, and nothing is given up', async () => {
  const { channel, answers, refusals, ask, acknowledged, close } = await open();
  const checked = channel.checkQueue('orders');
  const refused = channel.prefetch(1);
  answers[0]?.({ messageCount: 3 });
  refusals[1]?.(new Error('refused'));
  await expect(checked).resolves.toEqual({ messageCount: 3 });
  await expect(refused).rejects.toThrow('refused');
  channel.ack('a message' as never);
  await sleep(LONG_MS);
  expect(ask.mock.calls).toEqual([['orders'], [1]]);
  expect([acknowledged, close.mock.calls.length, gaveUp, log.lines]).toEqual([['a message'], 0, [], []]);
});

test('what is not answered is rejected, all that waits behind it too, and the channel is closed', async () => {
  const { channel, events, close, closed } = await open();
  const asked = await Promise.allSettled([channel.checkQueue('orders'), channel.prefetch(1)]);
  const reason = expect.objectContaining({ message: NO_ANSWER });
  expect(asked).toEqual([
    { status: 'rejected', reason },
    { status: 'rejected', reason },
  ]);
  expect(close).toHaveBeenCalledTimes(1);
  expect(log.lines).toEqual([
    {
      ...{ level: 'warn', event: 'no answer' },
      ...{ host: 'broker:5672', request: 'checkQueue orders', waiting: 2 },
    },
  ]);
  events.emit('close');
  await sleep(LONG_MS);
  expect([closed.mock.calls.length, gaveUp]).toEqual([1, []]);
});

test('where the channel does not close either, the connection is given up', async () => {
  const { channel, closed } = await open();
  await expect(channel.checkQueue('orders')).rejects.toThrow(NO_ANSWER);
  await eventually(() => expect(gaveUp).toEqual([NO_ANSWER]));
  // It closes with the connection.
  expect(closed).not.toHaveBeenCalled();
});

test('where the connection was given up a moment ago, the channel counts as closed', async () => {
  mayGiveUp = false;
  const { channel, closed, answers } = await open();
  await expect(channel.checkQueue('orders')).rejects.toThrow(NO_ANSWER);
  await eventually(() => expect(closed).toHaveBeenCalledTimes(1));
  // Too late, and nobody is hurt.
  answers[0]?.({ messageCount: 3 });
});

test('a close that is not answered is no different, and is asked for once', async () => {
  const { channel, close } = await open();
  await expect(channel.close()).rejects.toThrow('did not answer within 0.06 s: close');
  await eventually(() => expect(gaveUp).toHaveLength(1));
  expect(close).toHaveBeenCalledTimes(1);
});

test('each answer gives the next request its time', async () => {
  const { channel, answers, close } = await open();
  const asked = Array.from({ length: 6 }, () => channel.checkQueue('orders'));
  for (const [i, each] of asked.entries()) {
    await sleep(2 * LOOK_MS - 5);
    answers[i]?.(i);
    await expect(each).resolves.toBe(i);
  }
  expect(close).not.toHaveBeenCalled();
});

test.each(['blocked', 'down'] as const)('while the connection is %s there is no limit', async (not) => {
  const { channel, answers, close } = await open();
  state = not;
  const asked = channel.checkQueue('orders');
  await sleep(LONG_MS);
  state = 'up';
  answers[0]?.('at last');
  await expect(asked).resolves.toBe('at last');
  expect(close).not.toHaveBeenCalled();
});

test('why a channel was closed is said by whoever closed it', async () => {
  const { channel, events, refusals } = await open();
  const asked = channel.checkQueue('orders');
  const closing = channel.close();
  refusals[0]?.(new Error('404'));
  events.emit('close');
  await expect(asked).rejects.toThrow('404');
  await expect(closing).rejects.toThrow('the channel was closed');
});

test('a channel that does not open is given up with its connection, and closed should it come after all', async () => {
  const { channel, close } = silentChannel();
  let come = (_: Channel) => {};
  const create = () =>
    new Promise<Channel>((resolve) => {
      come = resolve;
    });
  await expect(openAnswering(connection, create, LOOK_MS)).rejects.toThrow('the opening of a channel');
  expect(gaveUp).toEqual(['RabbitMQ at broker:5672 did not answer within 0.06 s: the opening of a channel']);
  come(channel);
  await eventually(() => expect(close).toHaveBeenCalledTimes(1));
});
