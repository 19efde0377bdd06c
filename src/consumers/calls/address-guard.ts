/**
 * Keeps webhooks out of networks that are not the public Internet. A URL's text says nothing about where it leads,
 * and a name that was looked up can lead elsewhere a moment later; so it is the address that a socket is about to
 * connect to that is checked.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { AddressRefusedError } from '../../errors';
import type { AllowList } from './networks';
import { kindOfSpecial } from './special-networks';

/** Where a socket is about to connect to. */
export interface Destination {
  /** Whether it is for https. */
  readonly secure: boolean;
  /** As it stands in the URL, without an IPv6 address' brackets. */
  readonly host: string;
  readonly address: string;
}

/** Options of createGuardedConnector. */
export interface GuardOptions {
  readonly allow: AllowList;
  /** How long a connection may take to be made, TLS included, in milliseconds. */
  readonly timeoutMs: number;
  /** Resolves names; default the system's. */
  readonly lookup?: LookupFunction;
}

/** Why nobody may connect to there, for people; undefined when it is allowed. */
export function refusalOf({ secure, host, address }: Destination, allow: AllowList): string | undefined {
  if (allow.hosts.has(host) || allow.networks.some((network) => network.contains(address))) return undefined;
  if (!secure) return 'http:// is allowed only to what WEBHOOK_ALLOW lists';
  const kind = kindOfSpecial(address);
  return kind && `the address ${address} is ${kind}, and WEBHOOK_ALLOW does not list it`;
}

/** Makes undici's connections, with an AddressRefusedError instead of those that are not allowed. */
export function createGuardedConnector(options: GuardOptions): buildConnector.connector {
  const { allow, timeoutMs: timeout, lookup = systemLookup as LookupFunction } = options;
  const http = buildConnector({ timeout, lookup: guardLookup(lookup, false, allow) });
  const https = buildConnector({ timeout, lookup: guardLookup(lookup, true, allow) });
  return (target, callback) => {
    const secure = target.protocol === 'https:';
    const host = target.hostname;
    // A literal address is not looked up.
    const refusal = isIP(host) === 0 ? undefined : refusalOf({ secure, host, address: host }, allow);
    if (refusal !== undefined) callback(new AddressRefusedError(refusal), null);
    else (secure ? https : http)(target, callback);
  };
}

/** A lookup that finds only what is allowed. What it finds is what the socket connects to: nothing is looked up twice. */
function guardLookup(lookup: LookupFunction, secure: boolean, allow: AllowList): LookupFunction {
  return (host, options, callback) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const checked = (found as LookupAddress[]).map((entry) => ({
        entry,
        refusal: refusalOf({ secure, host, address: entry.address }, allow),
      }));
      const allowed = checked.filter(({ refusal }) => refusal === undefined).map(({ entry }) => entry);
      const [first] = allowed;
      if (!first) callback(new AddressRefusedError(checked[0]?.refusal ?? 'it has no address'), []);
      else if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
}
