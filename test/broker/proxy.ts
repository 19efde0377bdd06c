/** A way to the broker that a test can break: cut, stall, delay, slow down, or drop one direction of. To a cluster it is a load balancer. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which way bytes go. */
export type Direction = 'to broker' | 'from broker';

export interface Proxy {
  /** The AMQP URL by way of the proxy. */
  readonly amqpUrl: string;
  /** Where it listens. */
  readonly port: number;
  /** Ends every connection, as a network that fails would; new ones are let through. */
  cut(): void;
  /** From now on nothing gets through, this way or both, and nobody is told: connections are half open. */
  stall(direction?: Direction): void;
  /** What goes this way is lost from now on: what has been dropped once breaks its connection for good. */
  drop(direction: Direction): void;
  /** Each piece takes so much longer, in milliseconds. */
  delay(delayMs: number): void;
  /** No connection gets more than this through, each way, in bytes a second. */
  throttle(bytesPerSecond: number): void;
  /** Everything gets through again, what was stalled first. */
  heal(): void;
  close(): Promise<void>;
}

/** Forwards connections to the broker of this URL; of several, to each in turn, past those that refuse. */
export async function startProxy(amqpUrl: string, ...others: readonly string[]): Promise<Proxy> {
  const brokers = [amqpUrl, ...others].map((url) => new URL(url));
  const sockets = new Set<Socket>();
  const weather = createWeather();
  // Without waiting for more to send: who speaks through the proxy does not either, and waits for each answer.
  const server = createServer({ pauseOnConnect: true, noDelay: true }, async (client) => {
    sockets.add(client);
    client.on('error', () => {}).once('close', () => sockets.delete(client));
    const broker = await connectToOne(brokers);
    brokers.push(...brokers.splice(0, 1));
    if (!broker || client.destroyed) {
      broker?.destroy();
      client.destroy();
      return;
    }
    for (const [socket, other, direction] of [
      [client, broker, 'to broker'],
      [broker, client, 'from broker'],
    ] as const) {
      sockets.add(socket);
      socket
        .on('data', (chunk) => {
          if (weather.isFair()) return void other.write(chunk);
          socket.pause();
          void weather.pass(direction, chunk.length).then((passes) => {
            if (passes) other.write(chunk);
            socket.resume();
          });
        })
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
    }
    client.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = new URL(amqpUrl);
  url.port = String(port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    amqpUrl: url.href,
    port,
    cut,
    ...weather,
    close: () =>
      new Promise((resolve) => {
        weather.heal();
        server.close(() => resolve());
        cut();
      }),
  };
}

/** A connection to the first of these that accepts it; undefined when none does. */
async function connectToOne(brokers: readonly URL[]): Promise<Socket | undefined> {
  for (const { hostname, port } of [...brokers]) {
    const socket = connect({ port: Number(port), host: hostname, noDelay: true });
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      socket.destroy();
    }
  }
  return undefined;
}

/** What becomes of bytes on their way. */
function createWeather() {
  const stalled = new Set<Direction>();
  const dropped = new Set<Direction>();
  let delayMs = 0;
  let bytesPerSecond = Number.POSITIVE_INFINITY;
  const healed: (() => void)[] = [];

  const isFair = () =>
    stalled.size === 0 && dropped.size === 0 && delayMs === 0 && bytesPerSecond === Number.POSITIVE_INFINITY;

  return {
    isFair,
    /** Resolves when a piece may go on, with false when it is lost. */
    async pass(direction: Direction, bytes: number): Promise<boolean> {
      if (dropped.has(direction)) return false;
      while (stalled.has(direction)) await new Promise<void>((resolve) => healed.push(resolve));
      const waitMs = delayMs + (bytes / bytesPerSecond) * 1_000;
      if (waitMs > 0) await sleep(waitMs);
      return true;
    },
    stall(direction?: Direction) {
      for (const each of direction ? [direction] : (['to broker', 'from broker'] as const)) stalled.add(each);
    },
    drop: (direction: Direction) => void dropped.add(direction),
    delay(ms: number) {
      delayMs = ms;
    },
    throttle(rate: number) {
      bytesPerSecond = rate;
    },
    heal() {
      stalled.clear();
      dropped.clear();
      delayMs = 0;
      bytesPerSecond = Number.POSITIVE_INFINITY;
      for (const go of healed.splice(0)) go();
    },
  };
}
