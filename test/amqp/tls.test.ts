/** TLS, with nodes of this file's own: one that asks for no client certificate, and one that demands it. */
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { type Authority, createAuthority } from '../broker/certificates';
import { startTestNode } from '../broker/node';
import { post, type Service, startService } from '../broker/service';
import { createWorld, type World } from '../broker/world';

let trusted: Authority;
let other: Authority;
beforeAll(() => {
  trusted = createAuthority();
  other = createAuthority();
});
afterAll(() => {
  trusted.remove();
  other.remove();
});

const clientOf = ({ client }: Authority) => ({ AMQP_CERT_FILE: client.cert, AMQP_KEY_FILE: client.key });

/** A port that is free at the moment. */
async function anyPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A node that speaks TLS too. */
async function startTlsNode(demandsCertificate: boolean) {
  const port = await anyPort();
  const node = await startTestNode(
    [
      `listeners.ssl.1 = 127.0.0.1:${port}`,
      `ssl_options.cacertfile = ${trusted.ca}`,
      `ssl_options.certfile = ${trusted.server.cert}`,
      `ssl_options.keyfile = ${trusted.server.key}`,
      `ssl_options.verify = ${demandsCertificate ? 'verify_peer' : 'verify_none'}`,
      `ssl_options.fail_if_no_peer_cert = ${demandsCertificate}`,
    ].join('\n'),
  );
  return { ...node, tlsUrl: (host: string) => `amqps://guest:guest@${host}:${port}` };
}

/** What a process says that does not get a connection. */
async function failure(env: NodeJS.ProcessEnv): Promise<string> {
  const service = startService(['main.js', 'api'], { CONNECT_WAIT_MS: '0', ...env });
  expect(await service.exited).toBe(1);
  const stderr = service.stderr();
  const output = stderr + JSON.stringify(service.log);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(output).not.toContain('guest:guest');
  expect(output).not.toContain('-----BEGIN');
  for (const file of [env.AMQP_CA_FILE, env.AMQP_CERT_FILE, env.AMQP_KEY_FILE]) {
    if (file) expect(output).not.toContain(readFileSync(file, 'utf8').split('\n')[1]);
  }
  return stderr;
}

describe.each([
  ['asks for no client certificate', false],
  ['demands a client certificate', true],
])('a node that %s', (_, demandsCertificate) => {
  let node: Awaited<ReturnType<typeof startTlsNode>>;
  let world: World;
  const services: Service[] = [];
  const client = () => (demandsCertificate ? clientOf(trusted) : {});

  beforeAll(async () => {
    node = await startTlsNode(demandsCertificate);
    world = await createWorld({ ...node, wheel: [], targets: [] });
  }, 120_000);
  afterAll(async () => {
    await Promise.all(services.map((service) => service.end('SIGKILL')));
    await world.close();
    await node.stop();
    rmSync(node.dataDir, { recursive: true, force: true });
  }, 60_000);

  test.each(['127.0.0.1', 'localhost'])('is bootstrapped and served by way of %s', async (host) => {
    const env = {
      AMQP_URL: `${node.tlsUrl(host)}/${world.vhost}`,
      AMQP_CA_FILE: trusted.ca,
      CONNECT_WAIT_MS: '0',
      ...client(),
    };
    const bootstrapped = startService(['topology.js'], env);
    expect([await bootstrapped.exited, bootstrapped.stderr()]).toEqual([0, '']);
    const service = startService(['main.js'], env);
    services.push(service);
    const answer = await post(`${await service.url()}/submit-order`, { order_id: host, expire_minutes: 0 });
    expect(answer.status).toBe(202);
    await service.logged('order.expired', { order_id: host });
    expect(await service.end()).toBe(0);
  });

  test.each([
    ['an authority that did not sign it', () => ({ AMQP_CA_FILE: other.ca })],
    ['the authorities that Node trusts', () => ({})],
    ['verification switched off for all of Node', () => ({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })],
  ])('is not trusted with %s', async (_, files) => {
    const stderr = await failure({ AMQP_URL: node.tlsUrl('127.0.0.1'), ...client(), ...files() });
    expect(stderr).toMatch(
      /Cannot reach RabbitMQ at 127\.0\.0\.1:\d+ by TLS: its certificate is signed by nobody who is trusted here\. AMQP_CA_FILE has to hold/,
    );
  });

  test('is not trusted under a name that its certificate does not have', async () => {
    // Another way to write 127.0.0.1, which needs no name server.
    const url = node.tlsUrl('[::ffff:127.0.0.1]');
    const stderr = await failure({ AMQP_URL: url, AMQP_CA_FILE: trusted.ca, ...client() });
    expect(stderr).toContain(
      'its certificate is for another name than the host in AMQP_URL. Use a name there',
    );
  });

  test('without TLS on the port, amqps:// says so', async () => {
    const url = node.amqpUrl.replace('amqp:', 'amqps:');
    expect(await failure({ AMQP_URL: url, AMQP_CA_FILE: trusted.ca })).toContain(
      'it does not speak TLS on this port. Use its port for TLS, usually 5671, or amqp://',
    );
  });

  if (!demandsCertificate) return;

  test('refuses a client without a certificate', async () => {
    const stderr = await failure({ AMQP_URL: node.tlsUrl('127.0.0.1'), AMQP_CA_FILE: trusted.ca });
    expect(stderr).toContain('it wants a certificate of this client. Set AMQP_CERT_FILE and AMQP_KEY_FILE');
  });

  test('refuses a certificate that another authority has signed', async () => {
    const env = { AMQP_URL: node.tlsUrl('127.0.0.1'), AMQP_CA_FILE: trusted.ca, ...clientOf(other) };
    expect(await failure(env)).toContain('it does not accept the certificate in AMQP_CERT_FILE');
  });
});
