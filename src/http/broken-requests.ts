/** Answering what Node could not read as a request, or did not want to wait for; no route ever sees it. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemAnswer, protocolProblem } from './errors';
import { newRequestId } from './request-id';

/** How long a client may take to read such an answer and close, in milliseconds. */
const LINGER_MS = 2_000;

const answered = new WeakSet<Duplex>();

/**
 * Answers with problem details and closes the connection.
 *
 * @param pending the responses that are still to be given on this connection
 */
export function answerBrokenRequest(error: Error, socket: Duplex, pending: readonly ServerResponse[]): void {
  // Whatever else arrives meanwhile is not read as a request either, and must not cut the answer off.
  if (answered.has(socket)) return;
  if (!socket.writable || !isNext(pending)) {
    socket.destroy();
    return;
  }
  answered.add(socket);
  socket.end(rawAnswer(error));
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** Whether the broken request is the next to be answered: another's client would take the answer for its own. */
function isNext([first, ...others]: readonly ServerResponse[]): boolean {
  return others.length === 0 && (!first || (!first.headersSent && !first.req.complete));
}

function rawAnswer(error: Error): string {
  const problem = protocolProblem(error);
  const body = JSON.stringify(problemAnswer(problem).body);
  return [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${newRequestId()}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
