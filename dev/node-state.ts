import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect } from 'amqplib';
import { managementRequest } from './management';
import type { NodePorts } from './node-files';

/** The process id in a file; 0 when there is none yet. */
export function readPid(file: string): number {
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) || 0 : 0;
}

/** The version of RabbitMQ once AMQP and the management API answer, `undefined` before. */
export async function readyVersion(amqpUrl: string, managementUrl: string): Promise<string | undefined> {
  try {
    const connection = await connect(amqpUrl, { timeout: 5000 });
    connection.on('error', () => undefined);
    await connection.close();
    const overview = await managementRequest(managementUrl, 'GET', '/api/overview');
    return String((overview as { rabbitmq_version: unknown }).rabbitmq_version);
  } catch {
    return undefined;
  }
}

/** Throws when something listens on one of a node's ports on 127.0.0.1, naming port and use. */
export async function requireFreePorts(ports: Omit<NodePorts, 'epmd'>): Promise<void> {
  for (const [use, port] of Object.entries(ports)) {
    const code = await listenError(port);
    if (code === undefined) continue;
    const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${code})`;
    const purpose = port === ports.amqp ? '' : ` (for ${use}, of the broker on port ${ports.amqp})`;
    throw new Error(`Port ${port} on 127.0.0.1${purpose} ${why}; choose another with BROKER_PORT.`);
  }
}

function listenError(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
