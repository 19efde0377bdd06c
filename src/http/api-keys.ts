/** The keys that open the API: made once, shown once, kept only as their SHA-256. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { TARGET_NAMES, type TargetName } from '../targets';

/** A key as the configuration has it. */
export interface ApiKey {
  /** Who holds it. Several keys may have one name, while one replaces another. */
  readonly name: string;
  /** The targets that it is bound to; undefined when it is good for all. */
  readonly targets: readonly TargetName[] | undefined;
  /** SHA-256 of the key. */
  readonly sha256: Buffer;
}

/** By this a secret scanner, and a person, can tell what it is. */
const PREFIX = 'db_';
const KEY_BYTES = 32;

const NAME = /^[\w.-]{1,64}$/;

/**
 * Makes a key of 256 random bits.
 *
 * @param targets bind the key to these; none makes it good for all
 * @returns the key itself, and its entry for API_KEYS
 * @throws RangeError when the name or a target cannot stand in an entry
 */
export function newApiKey(name: string, targets: readonly string[] = []): { key: string; entry: string } {
  const key = PREFIX + randomBytes(KEY_BYTES).toString('base64url');
  const entry = [name, sha256(key).toString('hex'), ...(targets.length > 0 ? [targets.join('+')] : [])].join(
    ':',
  );
  if (!NAME.test(name)) throw new RangeError('a name is 1 to 64 letters, digits, full stops, - and _');
  const unknown = targets.find((target) => !isTarget(target));
  if (unknown !== undefined)
    throw new RangeError(`there is no target "${unknown}", only ${TARGET_NAMES.join(', ')}`);
  return { key, entry };
}

/**
 * Reads entries separated by commas, each `name:sha256` or `name:sha256:target+target`.
 *
 * @throws RangeError naming the place of the first that is wrong; not the entry, which may be the key itself
 */
export function parseApiKeys(text: string): readonly ApiKey[] {
  const keys = text.split(',').map((entry, index) => parseEntry(entry.trim(), index + 1));
  const hashes = keys.map((key) => key.sha256.toString('hex'));
  const twice = hashes.findIndex((hash, index) => hashes.indexOf(hash) < index);
  if (twice >= 0) throw new RangeError(`entry ${twice + 1} has a key that is there already`);
  return keys;
}

function parseEntry(entry: string, place: number): ApiKey {
  const [name = '', hash = '', targets, ...rest] = entry.split(':');
  if (!NAME.test(name) || !/^[\da-f]{64}$/i.test(hash) || rest.length > 0) {
    throw new RangeError(
      `entry ${place} is not NAME:SHA256 or NAME:SHA256:TARGET+TARGET; "npm run key -- NAME" makes one`,
    );
  }
  const bound = targets?.split('+');
  if (bound && !bound.every(isTarget)) {
    throw new RangeError(
      `entry ${place} is bound to what is no target; there are ${TARGET_NAMES.join(', ')}`,
    );
  }
  return { name, targets: bound && [...new Set(bound)], sha256: Buffer.from(hash, 'hex') };
}

/** The entry of a key that was presented; takes the same time whichever it is, and whether there is one. */
export function findApiKey(keys: readonly ApiKey[], presented: string): ApiKey | undefined {
  const hash = sha256(presented);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.sha256, hash)) found = key;
  return found;
}

function sha256(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function isTarget(name: string): name is TargetName {
  return TARGET_NAMES.includes(name as TargetName);
}
