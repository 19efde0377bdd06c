/**
 * A time limit for everything that RabbitMQ is asked on a channel. A node whose queue or stream hangs, as after a network that was
 * silent for a while, may never answer, and the connection lives on by its heartbeats: whoever waits would wait for ever.
 */
import type { Channel } from 'amqplib';
import type { BrokerConnection } from './connection';

/** What answers depend on. */
export type AnsweringConnection = Pick<BrokerConnection, 'host' | 'state' | 'giveUp' | 'logger'>;

/** Between two looks, in milliseconds. */
export const LOOK_MS = 10_000;
/**
 * Looks without an answer until it is given up. Together they take longer than a quorum queue needs for a new leader. Looks are
 * counted, and not time: a process that stood still has not waited.
 */
export const MOST_LOOKS = 3;
type Method = (...args: unknown[]) => Promise<unknown>;

/** Methods of a channel that RabbitMQ answers. */
const REQUESTS = new Set<string | symbol>([
  ...['assertQueue', 'checkQueue', 'deleteQueue', 'purgeQueue', 'bindQueue', 'unbindQueue'],
  ...['assertExchange', 'checkExchange', 'deleteExchange', 'bindExchange', 'unbindExchange'],
  ...['consume', 'cancel', 'get', 'prefetch', 'recover', 'close'],
]);

/**
 * Opens a channel on which every request is answered within the limit, or rejected: then the channel is closed, and where even that
 * is not answered, the connection is given up. A channel that does not open in time is a reason to give up the connection, too.
 *
 * @param create waits for the connection if that is down, for which there is no limit
 * @param lookMs see LOOK_MS
 */
export async function openAnswering<C extends Channel>(
  connection: AnsweringConnection,
  create: () => Promise<C>,
  lookMs = LOOK_MS,
): Promise<C> {
  let late = false;
  const opening = createWaiting(connection, lookMs, ({ message }) => {
    late = true;
    connection.giveUp(message);
  });
  const created = create();
  created.then((channel) => (late ? channel.close() : undefined)).catch(() => {}); // should it come after all
  return opening.answer('the opening of a channel', async () => answering(await created, connection, lookMs));
}

/** The channel, with the limit on its requests. */
function answering<C extends Channel>(channel: C, connection: AnsweringConnection, lookMs: number): C {
  let closed = false;
  let closing = false;
  const waiting = createWaiting(connection, lookMs, ({ message }) => {
    if (!closing) channel.close().catch(() => {});
    closing = true;
    // What this channel has in hand comes back only once RabbitMQ has closed it, or with the connection.
    const timer = setTimeout(() => {
      if (!closed && !connection.giveUp(message)) channel.emit('close');
    }, lookMs / 2);
    timer.unref();
  });
  channel.once('close', () => {
    closed = true;
    waiting.end();
  });

  const known = new Map<string | symbol, unknown>();
  const limited = (name: string, method: Method) => {
    return (...args: unknown[]) => {
      closing ||= name === 'close';
      const [about] = args;
      const what = typeof about === 'string' ? `${name} ${about}` : name;
      return waiting.answer(what, async () => method.apply(channel, args));
    };
  };
  return new Proxy(channel, {
    get(target, name) {
      if (known.has(name)) return known.get(name);
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = REQUESTS.has(name) ? limited(String(name), value as Method) : value.bind(target);
      known.set(name, method);
      return method;
    },
  });
}

/** Something that was asked. */
interface Asked {
  readonly what: string;
  readonly reject: (error: Error) => void;
}

/** Requests waiting for their answers. RabbitMQ answers those of a channel one after the other: each answer gives the next one its time. */
function createWaiting(
  { host, state, logger }: AnsweringConnection,
  lookMs: number,
  onSilence: (error: Error) => void,
) {
  const open = new Set<Asked>();
  let looks = 0;
  let timer: NodeJS.Timeout | undefined;

  const look = () => {
    // A connection that is blocked is not read by RabbitMQ until its alarm is over; one that is down ends its requests itself.
    looks = state() === 'up' ? looks + 1 : 0;
    const [first] = open;
    if (!first) return;
    if (looks < MOST_LOOKS) return void timer?.refresh();
    const error = new Error(
      `RabbitMQ at ${host} did not answer within ${(lookMs * MOST_LOOKS) / 1_000} s: ${first.what}`,
    );
    logger.warn('no answer', { host, request: first.what, waiting: open.size });
    leave(error);
    onSilence(error);
  };
  const restart = () => {
    clearTimeout(timer);
    looks = 0;
    if (open.size === 0) return;
    timer = setTimeout(look, lookMs);
    timer.unref();
  };
  const leave = (error: Error) => {
    for (const { reject } of open) reject(error);
    open.clear();
    restart();
  };

  return {
    answer: <T>(what: string, ask: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        const asked = { what, reject };
        open.add(asked);
        if (open.size === 1) restart();
        ask()
          .then(resolve, reject)
          .finally(() => {
            if (open.delete(asked)) restart();
          });
      }),
    /** The channel is closed. amqplib tells why those that wait are not answered, but for a close that was under way. */
    end: () => void setImmediate(leave, new Error('the channel was closed')),
  };
}
