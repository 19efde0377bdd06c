/** The proxies that are believed when they say whose request they pass on (`X-Forwarded-For`). */
import { parseNetwork } from '../consumers/calls/networks';

/** Express's setting `trust proxy`: so many proxies before the process, or those with these addresses. */
export type TrustedProxies = number | readonly string[];

/** Names that express knows. */
const NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];
const MOST_HOPS = 10;

/**
 * Reads a number of proxies, or addresses and networks separated by commas. That anybody is believed cannot be said.
 *
 * @throws RangeError when it is neither
 */
export function parseTrustedProxies(text: string): TrustedProxies {
  if (/^\d+$/.test(text.trim())) {
    const hops = Number(text);
    if (hops >= 1 && hops <= MOST_HOPS) return hops;
    throw new RangeError(`a number of proxies is 1 to ${MOST_HOPS}`);
  }
  return text.split(',').map((entry, index) => {
    const proxy = entry.trim();
    if (NETWORKS.includes(proxy) || parseNetwork(proxy)) return proxy;
    throw new RangeError(`entry ${index + 1} is no address, network or one of ${NETWORKS.join(', ')}`);
  });
}
