import { once } from 'node:events';
import { type AddressInfo, createServer, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createGuardedConnector } from '../../../src/consumers/calls/address-guard';
import { createHttpCaller } from '../../../src/consumers/calls/http-caller';
import { parseAllowList } from '../../../src/consumers/calls/networks';
import { guardHandler } from '../../../src/consumers/handler';
import { done, reject } from '../../../src/consumers/outcome';
import { createWebhooksHandler } from '../../../src/consumers/webhooks';
import { TARGETS } from '../../../src/targets';
import { recordedLog } from '../../broker/world';
import { type ScriptedServer, scriptedServer } from './scripted-server';

/** Names of this test alone. */
type Names = Record<string, string[] | (() => string[])>;

const lookupIn =
  (names: Names, asked: string[] = []): LookupFunction =>
  (host, _options, callback) => {
    asked.push(host);
    const found = names[host] ?? [];
    const addresses = typeof found === 'function' ? found() : found;
    const entries = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    process.nextTick(callback, null, entries);
  };

/** What comes of a webhook to this URL. */
async function call(url: string, allow = '', lookup?: LookupFunction) {
  const connect = createGuardedConnector({
    allow: allow ? parseAllowList(allow) : { hosts: new Set(), networks: [] },
    timeoutMs: 2_000,
    ...(lookup && { lookup }),
  });
  const caller = createHttpCaller({ clock: Date.now, connect });
  const handler = createWebhooksHandler({ caller, secrets: [], clock: Date.now, logger: recordedLog() });
  try {
    return await guardHandler(
      TARGETS.webhooks,
      handler,
      5_000,
    )({
      id: 'm',
      to: 'webhooks',
      payload: { url, body: {} },
      dueAt: 0,
      acceptedAt: 0,
      attempt: 1,
      delivery: 'd',
    });
  } finally {
    await caller.close();
  }
}

/** What comes of it when nothing is guarded. */
async function callUnguarded(url: string) {
  const caller = createHttpCaller({ clock: Date.now });
  const { outcome } = await caller.call(
    { method: 'POST', url: new URL(url), headers: {} },
    AbortSignal.timeout(5_000),
  );
  await caller.close();
  return outcome;
}

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ family }) => family === 'IPv6'),
);

/** Listen on this machine's two loopback addresses, on the same port. */
let servers: ScriptedServer[];
let port: number;
const connections = () => servers.reduce((sum, server) => sum + server.connections(), 0);
beforeAll(async () => {
  const server = await scriptedServer();
  port = server.port;
  servers = hasIPv6 ? [server, await scriptedServer('::1', port)] : [server];
});
afterAll(() => Promise.all(servers.map((server) => server.close())));

/** Every way to write this machine's own address. */
const OWN_LITERALS: [literal: string, address: string, kind: string][] = [
  ['127.0.0.1', '127.0.0.1', 'loopback'],
  ['127.1', '127.0.0.1', 'loopback'],
  ['2130706433', '127.0.0.1', 'loopback'],
  ['017700000001', '127.0.0.1', 'loopback'],
  ['0x7f000001', '127.0.0.1', 'loopback'],
  ['0177.0.0.1', '127.0.0.1', 'loopback'],
  ['0x7f.1', '127.0.0.1', 'loopback'],
  ['0x7F.0x0.0.01', '127.0.0.1', 'loopback'],
  ['127.0.0.1.', '127.0.0.1', 'loopback'],
  ['127%2e0.0.1', '127.0.0.1', 'loopback'],
  ['①②⑦.0.0.1', '127.0.0.1', 'loopback'],
  ['127。0。0。1', '127.0.0.1', 'loopback'],
  ['0.0.0.0', '0.0.0.0', 'unspecified'],
  ['0', '0.0.0.0', 'unspecified'],
  ['[::ffff:127.0.0.1]', '::ffff:7f00:1', 'IPv4 in IPv6'],
  ['[::ffff:7f00:1]', '::ffff:7f00:1', 'IPv4 in IPv6'],
  ['[0:0:0:0:0:ffff:7f00:0001]', '::ffff:7f00:1', 'IPv4 in IPv6'],
  ...(hasIPv6
    ? ([
        ['[::1]', '::1', 'loopback'],
        ['[0000:0000::0001]', '::1', 'loopback'],
        ['[::]', '::', 'unspecified'],
      ] satisfies [string, string, string][])
    : []),
];

/** Others that lead nowhere in a test, but could elsewhere. */
const OTHER_LITERALS: [literal: string, address: string, kind: string][] = [
  ['127.255.255.254', '127.255.255.254', 'loopback'],
  ['0.1.2.3', '0.1.2.3', 'unspecified'],
  ['10.0.0.1', '10.0.0.1', 'private'],
  ['172.16.0.1', '172.16.0.1', 'private'],
  ['172.31.255.255', '172.31.255.255', 'private'],
  ['192.168.1.1', '192.168.1.1', 'private'],
  ['3232235777', '192.168.1.1', 'private'],
  ['100.64.0.1', '100.64.0.1', 'shared by carrier-grade NAT'],
  ['169.254.169.254', '169.254.169.254', 'link-local'],
  ['0xa9fea9fe', '169.254.169.254', 'link-local'],
  ['192.0.0.1', '192.0.0.1', 'reserved for protocols'],
  ['192.0.2.1', '192.0.2.1', 'for documentation'],
  ['198.18.0.1', '198.18.0.1', 'for benchmarks'],
  ['198.51.100.1', '198.51.100.1', 'for documentation'],
  ['203.0.113.1', '203.0.113.1', 'for documentation'],
  ['224.0.0.1', '224.0.0.1', 'multicast'],
  ['240.0.0.1', '240.0.0.1', 'reserved'],
  ['255.255.255.255', '255.255.255.255', 'broadcast'],
  ['[::127.0.0.1]', '::7f00:1', 'IPv4 in IPv6'],
  ['[::ffff:10.0.0.1]', '::ffff:a00:1', 'IPv4 in IPv6'],
  ['[::ffff:8.8.8.8]', '::ffff:808:808', 'IPv4 in IPv6'],
  ['[::ffff:0:127.0.0.1]', '::ffff:0:7f00:1', 'reserved'],
  ['[64:ff9b::7f00:1]', '64:ff9b::7f00:1', 'IPv4 in IPv6'],
  ['[64:ff9b:1::7f00:1]', '64:ff9b:1::7f00:1', 'IPv4 in IPv6'],
  ['[2002:7f00:1::]', '2002:7f00:1::', 'IPv4 in IPv6'],
  ['[2001:0:7f00:1::]', '2001:0:7f00:1::', 'IPv4 in IPv6'],
  ['[2001:db8::1]', '2001:db8::1', 'for documentation'],
  ['[3fff::1]', '3fff::1', 'for documentation'],
  ['[100::1]', '100::1', 'discarded'],
  ['[fd00::1]', 'fd00::1', 'private'],
  ['[fc00::1]', 'fc00::1', 'private'],
  ['[fd00:ec2::254]', 'fd00:ec2::254', 'private'],
  ['[fe80::1]', 'fe80::1', 'link-local'],
  ['[fec0::1]', 'fec0::1', 'private'],
  ['[ff02::1]', 'ff02::1', 'multicast'],
];

test.each(OWN_LITERALS)('http://%s would lead here', async (literal) => {
  const before = connections();
  await expect(callUnguarded(`http://${literal}:${port}/`)).resolves.toEqual(done);
  expect(connections()).toBe(before + 1);
});

test.each([...OWN_LITERALS, ...OTHER_LITERALS])(
  'https://%s is refused for what it is, without a connection',
  async (literal, address, kind) => {
    const before = connections();
    const url = `https://${literal}:${port}/?token=TOKEN`;
    const refusal = `the address ${address} is ${kind}, and WEBHOOK_ALLOW does not list it`;
    await expect(call(url)).resolves.toEqual(reject(`POST ${new URL(url).host}: ${refusal}`));
    expect(connections()).toBe(before);
  },
);

const HTTP_REFUSAL = 'http:// is allowed only to what WEBHOOK_ALLOW lists';

const PUBLIC_LITERALS = ['8.8.8.8', '[2606:4700::1111]'];

test.each([...[...OWN_LITERALS, ...OTHER_LITERALS].map(([literal]) => literal), ...PUBLIC_LITERALS])(
  'http://%s is refused, without a connection',
  async (literal) => {
    const before = connections();
    const url = `http://${literal}:${port}/`;
    await expect(call(url)).resolves.toEqual(reject(`POST ${new URL(url).host}: ${HTTP_REFUSAL}`));
    expect(connections()).toBe(before);
  },
);

test.each([
  '[fe80::1%25eth0]',
  '[fe80::1%eth0]',
  '[::1%25lo]',
  '127.0.0.1%00',
  '1.2.3.4.5',
  '256.0.0.1',
  '[::g]',
])('%s is no URL at all', async (literal) => {
  const before = connections();
  await expect(call(`https://${literal}:${port}/`)).resolves.toMatchObject({
    kind: 'reject',
    error: expect.stringContaining('payload.url: must be an http or https URL'),
  });
  expect(connections()).toBe(before);
});

describe('names', () => {
  const expectRefused = async (url: string, refusal: string, allow?: string, lookup?: LookupFunction) => {
    const before = connections();
    const { host } = new URL(url);
    await expect(call(url, allow, lookup)).resolves.toEqual(reject(`POST ${host}: ${refusal}`));
    expect(connections()).toBe(before);
  };

  test('a name that leads here is refused, without a connection', async () => {
    const refused = { kind: 'reject', error: expect.stringMatching(/ is loopback, and WEBHOOK_ALLOW /) };
    const before = connections();
    await expect(call(`https://localhost:${port}/`)).resolves.toEqual(refused);
    expect(connections()).toBe(before);
  });

  test('a name that is public when looked at, and loopback when connected to, is refused', async () => {
    const answers = [['93.184.215.14'], ['127.0.0.1'], ['93.184.215.14']];
    const asked: string[] = [];
    const lookup = lookupIn({ 'rebind.test': () => answers.shift() ?? [] }, asked);
    // What a check of the URL before the call would see.
    await new Promise<void>((resolve) =>
      lookup('rebind.test', { all: true }, (_error, found) => {
        expect(found).toEqual([{ address: '93.184.215.14', family: 4 }]);
        resolve();
      }),
    );
    const refusal = 'the address 127.0.0.1 is loopback, and WEBHOOK_ALLOW does not list it';
    await expectRefused(`https://rebind.test:${port}/`, refusal, '', lookup);
    expect(asked).toEqual(['rebind.test', 'rebind.test']);
  });

  test('the address that is checked is the one connected to: nothing is looked up twice', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const asked: string[] = [];
    const lookup = lookupIn({ 'rebind.test': () => answers.shift() ?? [] }, asked);
    const before = connections();
    await expect(call(`http://rebind.test:${port}/`, '127.0.0.1', lookup)).resolves.toEqual(done);
    expect(asked).toEqual(['rebind.test']);
    expect(connections()).toBe(before + 1);
  });

  test.each([
    ['fe80::1%eth0', 'link-local'],
    ['::ffff:127.0.0.1', 'IPv4 in IPv6'],
    ['::1', 'loopback'],
    ['what is this', 'reserved'],
  ])('a name for %s is refused', async (address, kind) => {
    const refusal = `the address ${address} is ${kind}, and WEBHOOK_ALLOW does not list it`;
    await expectRefused(`https://a.test:${port}/`, refusal, '', lookupIn({ 'a.test': [address] }));
  });

  test('a name for nothing is refused', () =>
    expectRefused(`https://a.test:${port}/`, 'it has no address', '', lookupIn({})));

  test('http is refused to a public address too', () =>
    expectRefused(`http://a.test:${port}/`, HTTP_REFUSAL, '', lookupIn({ 'a.test': ['93.184.215.14'] })));

  test('of several addresses only those that are allowed are tried', async () => {
    const lookup = lookupIn({ 'a.test': ['127.0.0.2', '10.0.0.1', '127.0.0.1', '::1'] });
    const before = connections();
    await expect(call(`http://a.test:${port}/`, '127.0.0.1', lookup)).resolves.toEqual(done);
    expect(connections()).toBe(before + 1);
  });
});

describe('what WEBHOOK_ALLOW lists', () => {
  const lookup = lookupIn({ 'shop.test': ['127.0.0.1'], 'a.shop.test': ['127.0.0.1'] });

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.0/8', '127.0.0.1'],
    ['10.0.0.0/8, 127.0.0.1/32', '2130706433'],
    ['shop.test', 'shop.test'],
    ['SHOP.test', 'Shop.Test'],
    ['127.0.0.1', 'shop.test'],
    ...(hasIPv6
      ? [
          ['::1', '[::1]'],
          ['[::1]', '[0:0::1]'],
          ['::/64', '[::1]'],
          ['::ffff:127.0.0.1', '[::ffff:127.0.0.1]'],
        ]
      : []),
  ])('%s allows http://%s', async (allow, host) => {
    const before = connections();
    await expect(call(`http://${host}:${port}/`, allow, lookup)).resolves.toEqual(done);
    expect(connections()).toBe(before + 1);
  });

  test.each([
    ['127.0.0.2', '127.0.0.1'],
    ['10.0.0.0/8', '127.0.0.1'],
    ['127.0.0.0/8', '[::ffff:127.0.0.1]'],
    ['::/0', '127.0.0.1'],
    ['0.0.0.0/0', '[::ffff:127.0.0.1]'],
    ['shop.test', '127.0.0.1'],
    ['shop.test', 'a.shop.test'],
    ['a.shop.test', 'shop.test'],
  ])('%s does not allow %s', async (allow, host) => {
    const before = connections();
    for (const scheme of ['http', 'https']) {
      await expect(call(`${scheme}://${host}:${port}/`, allow, lookup)).resolves.toMatchObject({
        kind: 'reject',
        error: expect.stringContaining('WEBHOOK_ALLOW'),
      });
    }
    expect(connections()).toBe(before);
  });

  test('https is spoken with the name in the URL', async () => {
    let hello = Buffer.alloc(0);
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .once('data', (data) => {
          hello = data;
          socket.destroy();
        }),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const outcome = await call(
      `https://shop.test:${(server.address() as AddressInfo).port}/`,
      '127.0.0.1',
      lookup,
    );
    server.close();
    expect(outcome.kind).toBe('retry');
    expect(hello[0]).toBe(0x16); // a TLS handshake record
    expect(hello.toString('latin1')).toContain('shop.test');
  });
});
