/**
 * A port mapper for one node, in place of Erlang's own. To its node, which tells it where it listens, it names ports of a
 * test's choice for the other nodes: so what nodes say to each other can be sent by ways that the test can break.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A running port mapper. */
export interface Epmd {
  close(): Promise<void>;
}

// The protocol: https://www.erlang.org/doc/apps/erts/erl_dist_protocol.html#epmd-protocol
const REGISTER = 120;
const REGISTERED = 118;
const ASK_PORT = 122;
const TELL_PORT = 119;
const ASK_NAMES = 110;

/**
 * Starts one on a port of 127.0.0.1. What asks it to end is hung up on: it ends with the test.
 *
 * @param ways the port to name for another node, by the part of its name before the `@`
 */
export async function startEpmd(port: number, ways: ReadonlyMap<string, number>): Promise<Epmd> {
  const registered = new Map<string, { readonly port: number }>();
  const sockets = new Set<Socket>();
  // Tells incarnations of a node apart, so that what was meant for one does not reach the next.
  let creation = Math.floor(Date.now() / 1_000);

  const register = (socket: Socket, request: Buffer) => {
    const name = request.toString('utf8', 11, 11 + request.readUInt16BE(9));
    const node = { port: request.readUInt16BE(1) };
    registered.set(name, node);
    // It stays registered as long as this connection lasts.
    socket.once('close', () => {
      if (registered.get(name) === node) registered.delete(name);
    });
    const answer = Buffer.from([REGISTERED, 0, 0, 0, 0, 0]);
    answer.writeUInt32BE(creation++, 2);
    socket.write(answer);
  };
  const answer = (socket: Socket, request: Buffer) => {
    if (request[0] === REGISTER) return register(socket, request);
    if (request[0] === ASK_NAMES) socket.end(listOf(port, registered));
    else if (request[0] === ASK_PORT) {
      const name = request.toString('utf8', 1);
      socket.end(whereIs(name, registered.get(name)?.port ?? ways.get(name)));
    } else socket.end();
  };

  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    sockets.add(socket);
    socket
      .on('error', () => {})
      .once('close', () => sockets.delete(socket))
      .on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2) return;
        const end = 2 + received.readUInt16BE(0);
        if (received.length < end) return;
        answer(socket, received.subarray(2, end));
        received = received.subarray(end);
      });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A normal node that is reached by TCP and speaks the current versions of the protocol; or that there is none. */
function whereIs(name: string, port: number | undefined): Buffer {
  if (port === undefined) return Buffer.from([TELL_PORT, 1]);
  const told = Buffer.from([TELL_PORT, 0, 0, 0, 77, 0, 0, 6, 0, 5, 0, 0, ...Buffer.from(name), 0, 0]);
  told.writeUInt16BE(port, 2);
  told.writeUInt16BE(Buffer.byteLength(name), 10);
  return told;
}

function listOf(ownPort: number, registered: ReadonlyMap<string, { readonly port: number }>): Buffer {
  const list = [...registered].map(([name, { port }]) => `name ${name} at port ${port}\n`);
  const told = Buffer.from(`\0\0\0\0${list.join('')}`);
  told.writeUInt32BE(ownPort);
  return told;
}
