/**
 * The networks that no webhook has any business in: IANA's special-purpose registries
 * (https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry), multicast, and the
 * forms of IPv6 that carry an IPv4 address, for which a gateway on the way may stand.
 */
import { type Network, parseNetwork } from './networks';

/** Each network and what its addresses are. */
export const SPECIAL_NETWORKS: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'unspecified'], // RFC 791; connecting to 0.0.0.0 reaches this machine
  ['10.0.0.0/8', 'private'], // RFC 1918
  ['100.64.0.0/10', 'shared by carrier-grade NAT'], // RFC 6598
  ['127.0.0.0/8', 'loopback'], // RFC 1122
  ['169.254.0.0/16', 'link-local'], // RFC 3927; cloud metadata services are here
  ['172.16.0.0/12', 'private'], // RFC 1918
  ['192.0.0.0/24', 'reserved for protocols'], // RFC 6890
  ['192.0.2.0/24', 'for documentation'], // RFC 5737
  ['192.88.99.0/24', 'a 6to4 relay'], // RFC 7526
  ['192.168.0.0/16', 'private'], // RFC 1918
  ['198.18.0.0/15', 'for benchmarks'], // RFC 2544
  ['198.51.100.0/24', 'for documentation'], // RFC 5737
  ['203.0.113.0/24', 'for documentation'], // RFC 5737
  ['224.0.0.0/4', 'multicast'], // RFC 5771
  ['255.255.255.255', 'broadcast'], // RFC 8190
  ['240.0.0.0/4', 'reserved'], // RFC 1112
  ['::', 'unspecified'], // RFC 4291
  ['::1', 'loopback'], // RFC 4291
  ['::/96', 'IPv4 in IPv6'], // IPv4-compatible, RFC 4291
  ['::ffff:0:0/96', 'IPv4 in IPv6'], // IPv4-mapped, RFC 4291
  ['64:ff9b::/96', 'IPv4 in IPv6'], // NAT64, RFC 6052
  ['64:ff9b:1::/48', 'IPv4 in IPv6'], // local NAT64, RFC 8215
  ['100::/64', 'discarded'], // RFC 6666
  ['2001::/32', 'IPv4 in IPv6'], // Teredo, RFC 4380
  ['2001:2::/48', 'for benchmarks'], // RFC 5180
  ['2001::/23', 'reserved for protocols'], // RFC 2928
  ['2001:db8::/32', 'for documentation'], // RFC 3849
  ['2002::/16', 'IPv4 in IPv6'], // 6to4, RFC 3056
  ['3fff::/20', 'for documentation'], // RFC 9637
  ['5f00::/16', 'for segment routing'], // RFC 9602
  ['fc00::/7', 'private'], // unique-local, RFC 4193
  ['fe80::/10', 'link-local'], // RFC 4291
  ['fec0::/10', 'private'], // site-local, RFC 3879
  ['ff00::/8', 'multicast'], // RFC 4291
];

const networks = SPECIAL_NETWORKS.map(([text, kind]) => ({ network: network(text), kind }));

/** All of IPv4, and what of IPv6 is given out so far (RFC 4291; IANA's IPv6 address space registry). */
const GIVEN_OUT = ['0.0.0.0/0', '2000::/3'].map(network);

/** What a special address is, for people; undefined when it is an ordinary public one. */
export function kindOfSpecial(address: string): string | undefined {
  const special = networks.find(({ network }) => network.contains(address));
  if (special) return special.kind;
  return GIVEN_OUT.some((each) => each.contains(address)) ? undefined : 'reserved';
}

function network(text: string): Network {
  const parsed = parseNetwork(text);
  if (!parsed) throw new RangeError(`${text} is no network`);
  return parsed;
}
