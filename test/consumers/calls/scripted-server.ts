/** An HTTP server that answers as a test says, and remembers what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One request, as it arrived. */
export interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answering = (res: ServerResponse, req: IncomingMessage) => void;

export interface ScriptedServer {
  readonly port: number;
  /** `127.0.0.1:port`, or `[::1]:port`. */
  readonly host: string;
  readonly received: Received[];
  /** How many connections were made to it, whatever came of them. */
  connections(): number;
  /** Answers like this from now on; at first 200. */
  answer(answering: Answering): void;
  close(): Promise<void>;
}

/** What is in every answer of status(): nobody may ever see it. */
export const ANSWER_BODY = 'the answer says SECRET';

/** Answers with a status and headers. */
export const status =
  (code: number, headers: Record<string, string> = {}): Answering =>
  (res) =>
    res.writeHead(code, headers).end(ANSWER_BODY);

/** A server on this machine's loopback interface. */
export async function scriptedServer(address = '127.0.0.1', port = 0): Promise<ScriptedServer> {
  const received: Received[] = [];
  let connections = 0;
  let answering = status(200);
  const server = createServer(async (req, res) => {
    const { method, url: path, headers } = req;
    received.push({ method, path, headers, body: await text(req) });
    answering(res, req);
  });
  server.on('connection', () => connections++);
  server.listen(port, address);
  await once(server, 'listening');
  const listening = server.address() as AddressInfo;
  return {
    port: listening.port,
    host: `${address.includes(':') ? `[${address}]` : address}:${listening.port}`,
    received,
    connections: () => connections,
    answer(next) {
      answering = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
