import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { parseWebhookSecrets, webhookHeaders } from '../../src/consumers/webhook-signature';

const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`;
const old = secretOf(24);
const fresh = secretOf(64);
const at = Date.now();

test.each(['{"a":1}', 'Grüße', '', 'a.b.c', '☃'.repeat(10_000)])(
  '%j is signed as the standard has it',
  (body) => {
    const headers = webhookHeaders({ id: '01ARYZ6S41TSV4RRFFQ69G5FAV', at, body }, parseWebhookSecrets(old));
    expect(headers['webhook-id']).toBe('01ARYZ6S41TSV4RRFFQ69G5FAV');
    expect(headers['webhook-timestamp']).toBe(String(Math.floor(at / 1000)));
    const verify = (secret: string, text: string, changed = {}) =>
      new Webhook(secret).verify(text, { ...headers, ...changed }, { jsonParse: false });
    expect(() => verify(old, body)).not.toThrow();
    expect(() => verify(fresh, body)).toThrow('No matching signature');
    expect(() => verify(old, `${body} `)).toThrow('No matching signature');
    expect(() => verify(old, body, { 'webhook-id': 'another' })).toThrow('No matching signature');
    const later = { 'webhook-timestamp': String(Math.floor(at / 1000) + 1) };
    expect(() => verify(old, body, later)).toThrow('No matching signature');
  },
);

test('while one secret replaces another, whoever has either can verify', () => {
  const headers = webhookHeaders({ id: 'm', at, body: '{}' }, parseWebhookSecrets(`${fresh}, ${old}`));
  expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
  for (const secret of [old, fresh]) expect(new Webhook(secret).verify('{}', headers)).toEqual({});
  expect(() => new Webhook(secretOf(24)).verify('{}', headers)).toThrow('No matching signature');
});

test("the specification's example", () => {
  const [secret] = parseWebhookSecrets('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  const body = '{"test": 2432232314}';
  const headers = webhookHeaders(
    { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: 1_614_265_330_000, body },
    secret ? [secret] : [],
  );
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('without a secret there is no signature', () => {
  expect(webhookHeaders({ id: 'm', at: 1_999, body: '' }, [])).toEqual({
    'webhook-id': 'm',
    'webhook-timestamp': '1',
  });
});

test.each([
  ['order:A/1', 'order:A/1'],
  ['a.1', 'a%2E1'],
  ['a b', 'a%20b'],
  ['a%20b', 'a%2520b'],
  ['a\r\nb', 'a%0D%0Ab'],
  ['☃', '%E2%98%83'],
  ['🛒', '%F0%9F%9B%92'],
])('the id %j is %s', (id, expected) => {
  const headers = webhookHeaders({ id, at, body: '{}' }, parseWebhookSecrets(old));
  expect(headers['webhook-id']).toBe(expected);
  expect(new Webhook(old).verify('{}', headers)).toEqual({});
});

test.each([24, 32, 64])('a secret of %d bytes is read', (bytes) => {
  expect(parseWebhookSecrets(secretOf(bytes)).map(({ length }) => length)).toEqual([bytes]);
});

test.each([
  ['too short', secretOf(23)],
  ['too long', secretOf(65)],
  ['without prefix', old.slice(6)],
  ['with another prefix', old.replace('whsec_', 'whsk_')],
  ['prefixed twice', `whsec_${old}`],
  ['no base64', `whsec_${'!'.repeat(32)}`],
  ['base64url', `whsec_${'-_'.repeat(16)}`],
  ['not padded', secretOf(32).replace('=', '')],
  ['empty', ''],
])('one that is %s is refused by its place, and not repeated', (_, secret) => {
  const read = () => parseWebhookSecrets(`${old},${secret}`);
  expect(read).toThrow('secret 2 is not whsec_ and the base64 of 24 to 64 bytes');
  expect(() => parseWebhookSecrets(secret)).toThrow('secret 1 is not');
});
