import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { findApiKey, newApiKey, parseApiKeys } from '../../src/http/api-keys';
import { TARGET_NAMES } from '../../src/targets';

const HASH = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);

test.each([
  [`shop:${HASH}`, [['shop', undefined]]],
  [
    `shop:${HASH}, crm.2-b_x:${OTHER.toUpperCase()}:orders+emails`,
    [
      ['shop', undefined],
      ['crm.2-b_x', ['orders', 'emails']],
    ],
  ],
  [
    `shop:${HASH},shop:${OTHER}`,
    [
      ['shop', undefined],
      ['shop', undefined],
    ],
  ],
])('%s is read', (text, expected) => {
  expect(parseApiKeys(text).map(({ name, targets }) => [name, targets])).toEqual(expected);
});

test.each([
  ['nothing', ',', 'entry 1 is not NAME:SHA256'],
  ['a key instead of its hash', 'shop:db_HIDDEN', 'entry 1 is not NAME:SHA256'],
  ['a key alone', 'db_HIDDEN', 'entry 1 is not NAME:SHA256'],
  ['a hash that is too short', `shop:${HASH.slice(1)}`, 'entry 1 is not NAME:SHA256'],
  ['a hash without a name', `shop:${HASH},:${OTHER}`, 'entry 2 is not NAME:SHA256'],
  ['a name with a space', `the shop:${HASH}`, 'entry 1 is not NAME:SHA256'],
  ['one part too many', `shop:${HASH}:orders:HIDDEN`, 'entry 1 is not NAME:SHA256'],
  ['a target that is none', `shop:${HASH}:orders+HIDDEN`, 'entry 1 is bound to what is no target'],
  ['an empty list of targets', `shop:${HASH}:`, 'entry 1 is bound to what is no target'],
  ['the same key twice', `a:${HASH},b:${OTHER},c:${HASH.toUpperCase()}`, 'entry 3 has a key that is there'],
])('%s is refused by its place and not repeated', (_, text, says) => {
  expect(() => parseApiKeys(text)).toThrow(says);
  expect(() => parseApiKeys(text)).not.toThrow('HIDDEN');
});

test('a new key is found by its entry, and nothing else is', () => {
  const shop = newApiKey('shop');
  const crm = newApiKey('crm', ['emails', 'orders']);
  const keys = parseApiKeys(`${shop.entry},${crm.entry}`);
  expect(findApiKey(keys, shop.key)).toMatchObject({ name: 'shop', targets: undefined });
  expect(findApiKey(keys, crm.key)).toMatchObject({ name: 'crm', targets: ['emails', 'orders'] });
  fc.assert(fc.property(fc.string(), (text) => findApiKey(keys, text) === undefined));
  for (const near of ['', shop.key.slice(1), `${shop.key}=`, shop.key.toUpperCase(), shop.entry]) {
    expect(findApiKey(keys, near)).toBeUndefined();
  }
});

test('a new key has 256 random bits, and its entry only its hash', () => {
  const made = Array.from({ length: 100 }, () => newApiKey('shop'));
  expect(new Set(made.map(({ key }) => key)).size).toBe(100);
  for (const { key, entry } of made) {
    expect(key).toMatch(/^db_[\w-]{43}$/);
    expect(entry).toBe(`shop:${createHash('sha256').update(key).digest('hex')}`);
  }
});

test('there is no new key for a name or target that could not be read again', () => {
  for (const name of ['', 'a b', 'a:b', 'a,b', 'x'.repeat(65)])
    expect(() => newApiKey(name)).toThrow('a name is');
  expect(() => newApiKey('shop', ['orders', 'parcels'])).toThrow(
    `there is no target "parcels", only ${TARGET_NAMES.join(', ')}`,
  );
});
