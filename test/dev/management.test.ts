import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { managementRequest } from '../../dev/management';

const OPEN_MS = 200;

// On a thread of its own: it has to close the connection while the caller's event loop is blocked.
const SERVER = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:http').createServer((request, response) => {
    response.on('finish', () => setTimeout(() => request.socket.end(), ${OPEN_MS}));
    response.end('{}');
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

let server: Worker;
let url: string;
beforeAll(async () => {
  server = new Worker(SERVER, { eval: true });
  const [port] = await once(server, 'message');
  url = `http://127.0.0.1:${port}`;
});
afterAll(() => server.terminate());

const block = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test('a request goes out although the server closed the last connection while the event loop was blocked', async () => {
  await managementRequest(url, 'GET', '/api/vhosts');
  // The connection is kept for another request only after what ends the first one has run.
  await new Promise((resolve) => setTimeout(resolve, OPEN_MS / 10));
  block(5 * OPEN_MS);
  expect(await managementRequest(url, 'GET', '/api/vhosts')).toEqual({});
});
