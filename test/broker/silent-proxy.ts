/** A way to the broker on which its answers can be held back: what is sent arrives, and no confirm comes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface SilentProxy {
  /** The broker's URL by way of the proxy. */
  readonly amqpUrl: string;
  /** From now on nothing that the broker says gets through. */
  hold(): void;
  /** Everything that was held back gets through, and all that follows. */
  release(): void;
  /** Breaks the connections that there are. */
  cut(): void;
  close(): Promise<void>;
}

export async function startSilentProxy(amqpUrl: string): Promise<SilentProxy> {
  const url = new URL(amqpUrl);
  const broker = { host: url.hostname, port: Number(url.port) };
  const fromBroker = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(broker);
    fromBroker.add(upstream);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => {}).once('close', () => other.destroy());
      socket.on('data', (chunk) => other.write(chunk));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of fromBroker) socket.destroy();
    fromBroker.clear();
  };
  return {
    amqpUrl: url.href,
    hold() {
      for (const socket of fromBroker) socket.pause();
    },
    release() {
      for (const socket of fromBroker) socket.resume();
    },
    cut,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
