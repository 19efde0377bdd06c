/** Serving an application, and ending it without dropping a request. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import type { Logger } from '../logger';
import { answerBrokenRequest } from './broken-requests';
import { SERVER_LIMITS, type ServerLimits } from './limits';

/** A listening server. */
export interface HttpServer {
  /** The port it listens on. */
  readonly port: number;
  /** Takes no further requests and waits for those that run, at most `timeoutMs`. False when that did not suffice. */
  drain(timeoutMs: number): Promise<boolean>;
}

/** Options of serveHttp. */
export interface ServeOptions {
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes any free one. */
  readonly port: number;
  /** Name of the environment variable that chose the port, for the error message; default `HTTP_PORT`. */
  readonly variable?: string;
  /** How the limits differ from SERVER_LIMITS; default not at all. */
  readonly limits?: Partial<ServerLimits>;
  /** Told when connections are refused; default nobody. */
  readonly logger?: Logger;
}

/**
 * Listens.
 *
 * @throws Error when the address cannot be used
 */
export async function serveHttp(app: Express, options: ServeOptions): Promise<HttpServer> {
  const { host, port, variable = 'HTTP_PORT', logger } = options;
  const limits = { ...SERVER_LIMITS, ...options.limits };
  const server = createLimitedServer(app, limits);
  const { pendingOn, endConnections } = followConnections(server);
  server.on('clientError', (error, socket) => answerBrokenRequest(error, socket, pendingOn(socket)));
  if (logger) reportRefusals(server, limits.connections, logger);
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

function createLimitedServer(app: Express, limits: ServerLimits): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
    },
    app,
  );
  server.setTimeout(limits.stallTimeoutMs);
  server.maxConnections = limits.connections;
  return server;
}

/** One line when it begins, and another one only after a connection was let in again. */
function reportRefusals(server: Server, connections: number, logger: Logger): void {
  let refusing = false;
  server.on('drop', () => {
    if (!refusing) logger.warn('connections refused', { connections, setting: 'MAX_CONNECTIONS' });
    refusing = true;
  });
  server.on('connection', () => {
    refusing = false;
  });
}

/** The responses that are to come on a connection, and how to end connections when the server ends. */
interface FollowedConnections {
  pendingOn(socket: Duplex): ServerResponse[];
  /**
   * Ends every connection as soon as no request runs on it. Server.closeIdleConnections is not enough: it
   * leaves those on which no request has come yet, and those kept alive after their last answer.
   */
  endConnections(): void;
}

function followConnections(server: Server): FollowedConnections {
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
  return {
    pendingOn: (socket) => [...running].filter((res) => res.req.socket === socket),
    endConnections() {
      const busy = new Set([...running].map((res) => res.req.socket));
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
      for (const res of running) if (!res.headersSent) res.setHeader('Connection', 'close');
    },
  };
}
