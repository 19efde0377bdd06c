import { kindOfSpecial, SPECIAL_NETWORKS } from '../../../src/consumers/calls/special-networks';

test.each([
  ['0.255.255.255', 'unspecified'],
  ['10.255.255.255', 'private'],
  ['100.127.255.255', 'shared by carrier-grade NAT'],
  ['127.255.255.255', 'loopback'],
  ['169.254.255.255', 'link-local'],
  ['172.31.255.255', 'private'],
  ['192.0.0.255', 'reserved for protocols'],
  ['192.88.99.255', 'a 6to4 relay'],
  ['192.168.255.255', 'private'],
  ['198.19.255.255', 'for benchmarks'],
  ['239.255.255.255', 'multicast'],
  ['255.255.255.254', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::2', 'IPv4 in IPv6'],
  ['::ffff:ffff', 'IPv4 in IPv6'],
  ['::ffff:255.255.255.255', 'IPv4 in IPv6'],
  ['::1:0:0:0', 'reserved'],
  ['64:ff9b::ffff:ffff', 'IPv4 in IPv6'],
  ['64:ff9b:1:ffff:ffff:ffff:ffff:ffff', 'IPv4 in IPv6'],
  ['1fff:ffff::1', 'reserved'],
  ['2001:0:ffff::1', 'IPv4 in IPv6'],
  ['2001:1::1', 'reserved for protocols'],
  ['2001:1ff:ffff::1', 'reserved for protocols'],
  ['2002:ffff::1', 'IPv4 in IPv6'],
  ['3fff:fff:ffff::1', 'for documentation'],
  ['4000::1', 'reserved'],
  ['5f00:ffff::1', 'for segment routing'],
  ['fdff:ffff::1', 'private'],
  ['fe00::1', 'reserved'],
  ['febf:ffff::1', 'link-local'],
  ['feff:ffff::1', 'private'],
  ['ffff:ffff::1', 'multicast'],
  ['no address', 'reserved'],
])('%s is %s', (address, kind) => {
  expect(kindOfSpecial(address)).toBe(kind);
});

test.each([
  '1.0.0.0',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2000::1',
  '2001:200::1',
  '2001:db7:ffff::1',
  '2001:db9::1',
  '2003::1',
  '2606:4700::1111',
  '3ffe:ffff::1',
  '3fff:1000::1',
])('%s is an ordinary public address', (address) => {
  expect(kindOfSpecial(address)).toBeUndefined();
});

test('every network is of use: the first address of each is special', () => {
  const first = SPECIAL_NETWORKS.map(([text]) => text.replace(/\/.*/, ''));
  expect(first.filter((address) => kindOfSpecial(address) === undefined)).toEqual([]);
});
