/** An API that anybody may use is for this machine only, unless that was decided. */
import { BlockList, isIP } from 'node:net';
import { ConfigError } from '../errors';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** What the decision depends on. */
export interface Exposure {
  /** Address that the API listens on. */
  readonly host: string;
  /** How many keys there are. */
  readonly keys: number;
  /** Whether the operator wants it open. */
  readonly allowAnonymous: boolean;
}

/**
 * Makes sure that an API without keys listens on loopback only.
 *
 * @throws ConfigError saying what to do
 */
export function requireProtection({ host, keys, allowAnonymous }: Exposure): void {
  if (keys > 0 || allowAnonymous || isLoopback(host)) return;
  throw new ConfigError([
    `HTTP_HOST: ${host} can be reached from other machines, and without API_KEYS anybody there could use the API. ` +
      'Set API_KEYS ("npm run key -- NAME" makes a key), or HTTP_HOST=127.0.0.1, or, where something else keeps ' +
      'strangers out, ALLOW_ANONYMOUS=true.',
  ]);
}

/** A name other than localhost may resolve to anything. */
function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
