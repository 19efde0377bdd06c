/** Networks of IP addresses, and the list of those that are allowed although webhooks may not reach them. */
import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** A network such as 10.0.0.0/8, or a single address. */
export interface Network {
  /** False for whatever is no address, and for addresses of the other IP version, IPv4 in IPv6 included. */
  contains(address: string): boolean;
}

/** Hosts and networks that are allowed. */
export interface AllowList {
  /** Names in lower case, as they stand in a URL. */
  readonly hosts: ReadonlySet<string>;
  readonly networks: readonly Network[];
}

/** The list that allows nothing in particular. */
export const NOTHING_ALLOWED: AllowList = { hosts: new Set(), networks: [] };

const FAMILIES = { 4: { name: 'ipv4', bits: 32 }, 6: { name: 'ipv6', bits: 128 } } as const;

/** The network that a text such as `10.0.0.0/8`, `fd00::/8` or `192.0.2.1` means; undefined when it means none. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if ((version !== 4 && version !== 6) || address.includes('%') || rest.length > 0) return undefined;
  const { name, bits } = FAMILIES[version];
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, prefix === undefined ? bits : Number(prefix), name);
  // Told an address' own version, BlockList takes IPv4 for IPv4-mapped IPv6, and ::/0 would hold all of IPv4.
  return {
    contains: (candidate) => isIP(candidate) === version && list.check(candidate, name),
  };
}

/**
 * Reads a list separated by commas: host names, addresses, networks.
 *
 * @throws RangeError naming the place of the first entry that is none of these; not the entry, which may be anything
 */
export function parseAllowList(text: string): AllowList {
  const hosts = new Set<string>();
  const networks: Network[] = [];
  for (const [index, entry] of text.split(',').entries()) {
    const network = parseNetwork(entry.trim().replace(/^\[(.+)\]$/, '$1'));
    const host = domainToASCII(entry.trim());
    if (network) networks.push(network);
    else if (isHostName(host)) hosts.add(host);
    else throw new RangeError(`entry ${index + 1} is no host name, address or network such as 10.0.0.0/8`);
  }
  return { hosts, networks };
}

/** A URL's other ways to write an IPv4 address (2130706433, 0x7f.1) have become addresses by now and are none of these. */
function isHostName(host: string): boolean {
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host) && isIP(host) === 0;
}
