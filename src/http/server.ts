/** Serving an application, and ending it without dropping a request. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
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
  const endConnections = followConnections(server);
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
        endConnections();
      }),
  };
}

/**
 * Returns what ends every connection as soon as no request runs on it. Server.closeIdleConnections is not
 * enough: it leaves those on which no request has come yet, and those kept alive after their last answer.
 */
function followConnections(server: Server): () => void {
  const sockets = new Set<Socket>();
  const running = new Set<ServerResponse>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (_req, res) => {
    running.add(res);
    res.once('close', () => running.delete(res));
  });
  return () => {
    const busy = new Set([...running].map((res) => res.req.socket));
    for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
    for (const res of running) if (!res.headersSent) res.setHeader('Connection', 'close');
  };
}
