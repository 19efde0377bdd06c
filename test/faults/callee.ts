/** Whom the handlers call: an HTTP server that writes down each attempt, and fails some on purpose. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Attempt } from './journal';

/** A server being called. */
export interface Callee {
  readonly url: string;
  close(): Promise<void>;
}

/** What this message is for: most are done at once, some fail the first time, some can never succeed. */
export function fateOf(n: number): 'done' | 'fails once' | 'rejected' {
  if (n % 50 === 7) return 'rejected';
  return n % 10 === 3 ? 'fails once' : 'done';
}

/** The number that stands in a body, wherever. */
export function numberIn(body: string): number {
  return Number(/message-(\d+)/.exec(body)?.[1] ?? Number.NaN);
}

/** Starts one that writes into this list. */
export async function startCallee(attempts: Attempt[]): Promise<Callee> {
  const seen = new Set<number>();
  const server = createServer(async (request, response) => {
    const at = Date.now();
    const n = numberIn(await text(request));
    const fate = fateOf(n);
    const fails = fate === 'rejected' || (fate === 'fails once' && !seen.has(n));
    seen.add(n);
    const clock = request.headers['x-clock'];
    attempts.push({ n, at, done: !fails, ...(clock !== undefined && { handlersClock: Number(clock) }) });
    response.writeHead(fails ? (fate === 'rejected' ? 400 : 500) : 204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
