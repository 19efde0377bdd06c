import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect } from 'amqplib';
import { managementRequest } from './management';
import type { NodeFiles } from './node-files';

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

/** Throws when something listens on `port` of 127.0.0.1; `amqpPort` names the node in the message. */
export function requireFreePort(port: number, amqpPort: number): Promise<void> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', (error) =>
      fail(
        new Error(
          `port ${port} is taken (${(error as NodeJS.ErrnoException).code}), which the broker on port ` +
            `${amqpPort} needs: BROKER_PORT chooses another`,
        ),
      ),
    );
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => done()));
  });
}

/**
 * Puts why a node is not running into a message with its log's path and last lines.
 *
 * @param logStart size of the log in bytes before this start; what is older is left out
 */
export function describeFailure(failure: string, port: number, files: NodeFiles, logStart: number): string {
  const lastLines = (file: string, from: number) =>
    existsSync(file) ? readFileSync(file).subarray(from).toString().trim().split('\n').slice(-10) : [];
  const lines = [...lastLines(files.output, 0), ...lastLines(files.log, logStart)].filter((line) => line);
  return [`the broker on port ${port} ${failure}; its log is ${files.log}`, ...lines].join('\n  ');
}
