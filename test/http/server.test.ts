import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { json } from 'node:stream/consumers';
import express from 'express';
import { type HttpServer, serveHttp } from '../../src/http/server';

const LONG_MS = 30_000;

let server: HttpServer;
let agent: Agent;
let arrived: Promise<unknown>;
let release: () => void;

/** An application with one route, which answers when it is let go. */
beforeEach(async () => {
  const app = express();
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  arrived = new Promise((resolve) => {
    app.get('/slow', async (_req, res) => {
      resolve(undefined);
      await released;
      res.json({ answered: true });
    });
  });
  app.get('/quick', (_req, res) => void res.json({ answered: true }));
  server = await serveHttp(app, { host: '127.0.0.1', port: 0 });
  agent = new Agent({ keepAlive: true });
});
afterEach(async () => {
  release();
  agent.destroy();
  await server.drain(0);
});

/** Over a connection that the client means to keep. */
const get = async (path: string) => {
  const sent = httpRequest({ host: '127.0.0.1', port: server.port, path, agent }).end();
  const [answer] = await once(sent, 'response');
  return json(answer);
};

test.each([
  [{}, 'HTTP_PORT'],
  [{ variable: 'HEALTH_PORT' }, 'HEALTH_PORT'],
])('a port in use is named, and the variable that chooses another (%j)', async (variable, named) => {
  const { port } = server;
  await expect(serveHttp(express(), { host: '127.0.0.1', port, ...variable })).rejects.toThrow(
    `Port ${port} on 127.0.0.1 is in use; choose another with ${named}.`,
  );
});

test("an address that is not this machine's is named", async () => {
  await expect(serveHttp(express(), { host: '192.0.2.1', port: 8_000 })).rejects.toThrow(
    'Port 8000 on 192.0.2.1 cannot be used',
  );
});

test('draining waits for the request that runs, and for no connection kept alive', async () => {
  const answer = get('/slow');
  await arrived;
  const drained = server.drain(LONG_MS);
  await expect(get('/quick')).rejects.toThrow('ECONNREFUSED');
  const releasedAt = Date.now();
  release();
  await expect(answer).resolves.toEqual({ answered: true });
  await expect(drained).resolves.toBe(true);
  expect(Date.now() - releasedAt).toBeLessThan(4_000); // Node keeps idle connections for 5 s
});

test('idle connections do not hold up draining: neither used ones nor those still silent', async () => {
  await get('/quick');
  const silent = connect(server.port, '127.0.0.1');
  await once(silent, 'connect');
  await get('/quick'); // by now the server has taken notice of the silent one
  const closed = once(silent, 'close');
  await expect(server.drain(LONG_MS)).resolves.toBe(true);
  await closed;
});

test('draining gives up at its deadline and cuts off what still runs', async () => {
  const answer = get('/slow').catch((error) => error);
  await arrived;
  await expect(server.drain(50)).resolves.toBe(false);
  expect(await answer).toMatchObject({ code: 'ECONNRESET' });
});
