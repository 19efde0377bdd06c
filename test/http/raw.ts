/** Requests as bytes, for what no HTTP client would send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection to a server of this machine, and all that has come over it. */
export interface RawConnection {
  readonly socket: Socket;
  /** Everything the server has said by the time the connection is closed. */
  readonly untilClosed: Promise<string>;
}

export async function openConnection(port: number): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let received = '';
  socket.on('data', (text) => {
    received += text;
  });
  // A server that closes in the middle of what is sent is what these tests are about.
  socket.on('error', () => {});
  const untilClosed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  await once(socket, 'connect');
  return { socket, untilClosed };
}

/** Sends this and returns all that is answered; the connection stays open until the server closes it. */
export async function exchange(port: number, request: string): Promise<string> {
  const { socket, untilClosed } = await openConnection(port);
  socket.write(request);
  return untilClosed;
}

/** The statuses in a row of answers. */
export const statusesIn = (answers: string): number[] =>
  [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
