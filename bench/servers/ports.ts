import { createServer } from 'node:net';
import { nodePorts } from '../../dev/node-files';

/** Any free TCP port on 127.0.0.1. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .once('error', reject)
      .listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
  });
}

/**
 * An AMQP port from which all of a RabbitMQ node's ports are free.
 *
 * @param taken AMQP ports that are spoken for
 * @throws Error when there is none from 5700 to 5999
 */
export async function freeNodePort(taken: readonly number[] = []): Promise<number> {
  for (let port = 5_700; port < 6_000; port++) {
    if (taken.includes(port)) continue;
    const free = await Promise.all(Object.values(nodePorts(port)).map(isFree));
    if (!free.includes(false)) return port;
  }
  throw new Error('There are no free ports for RabbitMQ from 5700 to 5999.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
