/** Serving an application, and ending it without dropping a request. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';

/** A listening server. */
export interface HttpServer {
  /** The port it listens on. */
  readonly port: number;
  /** Takes no further requests and waits for those that run, at most `timeoutMs`. False when that did not suffice. */
  drain(timeoutMs: number): Promise<boolean>;
}

/**
 * Listens.
 *
 * @param variable name of the environment variable that chose the port, for the error message
 * @throws Error when the address cannot be used
 */
export async function serveHttp(
  app: Express,
  host: string,
  port: number,
  variable = 'HTTP_PORT',
): Promise<HttpServer> {
  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? `is in use; choose another with ${variable}`
          : `cannot be used: ${error.message}`;
      reject(new Error(`Port ${port} on ${host} ${why}.`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    drain: (timeoutMs) =>
      new Promise((resolve) => {
        const giveUp = setTimeout(() => {
          resolve(false);
          server.closeAllConnections();
        }, timeoutMs);
        server.close(() => {
          clearTimeout(giveUp);
          resolve(true);
        });
        server.closeIdleConnections();
      }),
  };
}
