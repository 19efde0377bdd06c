import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/config';
import { ConfigError } from '../src/errors';
import { type Authority, createAuthority } from './broker/certificates';

const AMQP_URL = 'amqp://user:secret@localhost';

test('defaults are filled in', () => {
  expect(loadConfig({ AMQP_URL })).toMatchObject({
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: 8000,
    HANDLERS: 50,
    PREFETCH: 300,
  });
});

test('an empty variable counts as not set', () => {
  expect(loadConfig({ AMQP_URL, HTTP_PORT: '', SMTP_URL: '' })).toMatchObject({ HTTP_PORT: 8000 });
});

test('what is called is read into values', () => {
  const secrets = [Buffer.alloc(24, 1), Buffer.alloc(64, 2)];
  const { ORDER_CALLBACK_URL, WEBHOOK_SECRET, WEBHOOK_ALLOW } = loadConfig({
    AMQP_URL,
    ORDER_CALLBACK_URL: 'https://ann:p%40ss@shop.example/expired?key=1',
    WEBHOOK_SECRET: secrets.map((secret) => `whsec_${secret.toString('base64')}`).join(', '),
    WEBHOOK_ALLOW: 'Shop.internal, 10.1.0.0/16,[::1]',
  });
  expect(ORDER_CALLBACK_URL).toEqual(new URL('https://ann:p%40ss@shop.example/expired?key=1'));
  expect(WEBHOOK_SECRET).toEqual(secrets);
  expect([...(WEBHOOK_ALLOW?.hosts ?? [])]).toEqual(['shop.internal']);
  const contains = (address: string) => WEBHOOK_ALLOW?.networks.some((network) => network.contains(address));
  expect(['10.1.2.3', '::1', '10.2.0.1', '::2'].map(contains)).toEqual([true, true, false, false]);
});

test('who may use the API is read into values', () => {
  const { API_KEYS, PUBLIC_PATHS, ALLOW_ANONYMOUS, RATE_LIMIT, TRUST_PROXY } = loadConfig({
    AMQP_URL,
    API_KEYS: `shop:${'0a'.repeat(32)}:orders+emails`,
    PUBLIC_PATHS: '/livez, /metrics',
    ALLOW_ANONYMOUS: 'true',
    RATE_LIMIT: '100/s',
    TRUST_PROXY: 'loopback',
  });
  expect(API_KEYS).toEqual([{ name: 'shop', targets: ['orders', 'emails'], sha256: Buffer.alloc(32, 0x0a) }]);
  expect([PUBLIC_PATHS, ALLOW_ANONYMOUS]).toEqual([['/livez', '/metrics'], true]);
  expect([RATE_LIMIT, TRUST_PROXY]).toEqual([{ requests: 100, windowMs: 1_000 }, ['loopback']]);
  expect(loadConfig({ AMQP_URL })).toMatchObject({
    PUBLIC_PATHS: ['/livez', '/readyz'],
    ALLOW_ANONYMOUS: false,
  });
});

test('without them nothing is called, signed or allowed', () => {
  const config = loadConfig({ AMQP_URL });
  expect(config).not.toHaveProperty('ORDER_CALLBACK_URL');
  expect(config).not.toHaveProperty('WEBHOOK_SECRET');
  expect(config).not.toHaveProperty('WEBHOOK_ALLOW');
});

test.each([
  ['ORDER_CALLBACK_URL', 'must be a URL', ['HIDDEN', 'ftp://a:HIDDEN@b', 'https://', 'http://a:HIDDEN%@b']],
  [
    'WEBHOOK_SECRET',
    'secret 1 is not whsec_',
    ['HIDDEN', 'whsec_HIDDEN', `${Buffer.alloc(24).toString('base64')}`, ','],
  ],
  ['API_KEYS', 'entry 1 is not NAME:SHA256', ['HIDDEN', 'db_HIDDEN', 'shop:db_HIDDEN', ',']],
  ['PUBLIC_PATHS', 'entry 1 is no path', ['HIDDEN', 'livez', ',']],
  ['RATE_LIMIT', 'must be a rate such as', ['HIDDEN', '0/s']],
  ['TRUST_PROXY', 'entry 1 is no address', ['HIDDEN', 'true']],
  ['ALLOW_ANONYMOUS', 'must be true or false', ['HIDDEN', '1', 'yes']],
  [
    'WEBHOOK_ALLOW',
    'entry 1 is no host name, address or network',
    [
      ',',
      'http://HIDDEN',
      'HIDDEN:80',
      '10.0.0.0/33',
      '10.0.0.0/8/8',
      'fd00::/129',
      '10.0.0/8',
      '10.0.0.0/-1',
      '2130706433',
      '0x7f.1',
      '*.HIDDEN',
      'a b',
      'fe80::1%eth0',
      '[::1',
    ],
  ],
])('%s: what is no such thing is reported, and not repeated', (name, says, values) => {
  for (const value of values) {
    const load = () => loadConfig({ AMQP_URL, [name]: value });
    expect(load).toThrow(`  ${name}: ${says}`);
    expect(load).not.toThrow('HIDDEN');
  }
});

test('whom reports go to is read into addresses, and their time zone has a default', () => {
  const { REPORT_TO, REPORT_TIMEZONE } = loadConfig({ AMQP_URL });
  expect([REPORT_TO, REPORT_TIMEZONE]).toEqual([undefined, 'UTC']);
  const set = { REPORT_TO: 'ann@example.com, bob@example.com', REPORT_TIMEZONE: 'Europe/Berlin' };
  expect(loadConfig({ AMQP_URL, ...set })).toMatchObject({
    REPORT_TO: ['ann@example.com', 'bob@example.com'],
    REPORT_TIMEZONE: 'Europe/Berlin',
  });
});

test.each([
  [{}, 600_000],
  [{ HANDLER_TIMEOUT_MS: '5000' }, 600_000],
  [{ HANDLER_TIMEOUT_MS: '900000' }, 900_000],
  [{ HANDLER_TIMEOUT_MS: '900000', REPORTS_HANDLER_TIMEOUT_MS: '5000' }, 5_000],
])('with %j a report may take %d ms', (set, timeoutMs) => {
  expect(loadConfig({ AMQP_URL, ...set }).targets.reports.handlerTimeoutMs).toBe(timeoutMs);
});

test('every problem is reported at once, by name, with what the variable should be', () => {
  const wrong = {
    HTTP_PORT: '99999',
    SMTP_URL: 'mail.example.com',
    LOG_LEVEL: 'loud',
    HANDLERS: '0',
    MAIL_FROM: 'a\nBcc: b',
    WEBHOOK_SECRET: 'whsec_short',
    WEBHOOK_ALLOW: '10.0.0.0/99',
    ORDER_CALLBACK_URL: 'shop',
    REPORT_TO: 'ann@example.com,bob',
    REPORT_TIMEZONE: 'Mars/Olympus',
  };
  const load = () => loadConfig(wrong);
  expect(load).toThrow(ConfigError);
  for (const name of [...Object.keys(wrong), 'AMQP_URL'])
    expect(load).toThrow(new RegExp(`^  ${name}: `, 'm'));
  expect(load).toThrow('AMQP_URL: is not set');
});

test.each(['localhost', 'http://localhost', 'amqp://', '://'])(
  '"%s" is no broker URL, and is not repeated',
  (url) => {
    expect(() => loadConfig({ AMQP_URL: url })).toThrow('must be a URL such as amqp://');
  },
);

test('what concerns late changes and the ledger has defaults, too', () => {
  expect(loadConfig({ AMQP_URL })).toMatchObject({
    CANCEL_GUARD: 1_000,
    LEDGER: true,
    LEDGER_MAX: 1_000_000,
    ID_HOLD: 86_400_000,
  });
});

test.each<[string, string, unknown]>([
  ['CANCEL_GUARD', '500ms', 500],
  ['CANCEL_GUARD', '1m30s', 90_000],
  ['CANCEL_GUARD', 'PT1H', 3_600_000],
  ['ID_HOLD', '0s', 0],
  ['ID_HOLD', '90m', 5_400_000],
  ['ID_HOLD', '365d', 365 * 86_400_000],
  ['LEDGER', 'on', true],
  ['LEDGER', 'off', false],
  ['LEDGER_MAX', '1000', 1_000],
  ['LEDGER_MAX', '10000000', 10_000_000],
])('%s=%s is taken', (name, text, value) => {
  expect(loadConfig({ AMQP_URL, [name]: text })).toMatchObject({ [name]: value });
});

test.each<[string, readonly string[], string]>([
  ['CANCEL_GUARD', ['499ms', '0s', '1h1ms', '10000d'], 'must be from 500 ms to 3600000 ms'],
  ['CANCEL_GUARD', ['1000', '-1s', '1 s', 'soon', '1.5s'], 'must be a duration such as "1s", "90m" or "24h"'],
  ['ID_HOLD', ['365d1ms', '1000w'], 'must be from 0 ms to 31536000000 ms'],
  ['ID_HOLD', ['24', '0', 'P1M', 'for ever'], 'must be a duration such as "1s", "90m" or "24h"'],
  ['LEDGER', ['true', 'ON', '1', 'no'], 'Invalid option: expected one of "on"|"off"'],
  ['LEDGER_MAX', ['999', '0', '-1'], 'Too small: expected number to be >=1000'],
  ['LEDGER_MAX', ['10000001'], 'Too big: expected number to be <=10000000'],
  ['LEDGER_MAX', ['1000.5', 'many', '1m'], 'Invalid input: expected'],
])('%s: %j is refused', (name, values, says) => {
  for (const value of values)
    expect(() => loadConfig({ AMQP_URL, [name]: value })).toThrow(`  ${name}: ${says}`);
});
describe('files for TLS', () => {
  const AMQPS_URL = 'amqps://user:secret@localhost';
  const folder = mkdtempSync('/tmp/delay-broker-test-');
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  let authority: Authority;
  let other: Authority;
  beforeAll(() => {
    authority = createAuthority();
    other = createAuthority();
  });
  afterAll(() => {
    authority.remove();
    other.remove();
    rmSync(folder, { recursive: true });
  });

  test('they are read at once', () => {
    const { cert, key } = authority.client;
    const bundle = file('bundle.pem', readFileSync(authority.ca, 'utf8') + readFileSync(other.ca, 'utf8'));
    const env = { AMQP_URL: AMQPS_URL, AMQP_CA_FILE: bundle, AMQP_CERT_FILE: cert, AMQP_KEY_FILE: key };
    expect(loadConfig(env).tls).toEqual({
      ca: readFileSync(bundle),
      cert: readFileSync(cert),
      key: readFileSync(key),
    });
    expect(loadConfig({ AMQP_URL: AMQPS_URL }).tls).toEqual({});
  });

  test('what cannot be used is reported with everything else, by name, and not repeated', () => {
    const pem = readFileSync(authority.ca, 'utf8');
    const unreadable = {
      AMQP_URL: AMQPS_URL,
      HTTP_PORT: 'eighty',
      AMQP_CA_FILE: join(folder, 'HIDDEN.pem'),
      AMQP_CERT_FILE: folder,
      AMQP_KEY_FILE: file('no-key', 'HIDDEN'),
    };
    const load = () => loadConfig(unreadable);
    expect(load).toThrow('  HTTP_PORT: ');
    expect(load).toThrow('  AMQP_CA_FILE: there is no such file (');
    expect(load).toThrow('  AMQP_CERT_FILE: the file cannot be read (EISDIR)');
    expect(load).toThrow('  AMQP_KEY_FILE: the file is no private key in PEM');
    expect(load).not.toThrow('HIDDEN');
    // The content in place of the path.
    const pasted = () => loadConfig({ AMQP_URL: AMQPS_URL, AMQP_CA_FILE: pem });
    expect(pasted).toThrow('  AMQP_CA_FILE: ');
    expect(pasted).not.toThrow('-----BEGIN');
  });

  test.each<[string, (pem: string) => string]>([
    ['text', () => 'HIDDEN'],
    ['nothing', () => ''],
    ['a certificate that is broken', (pem) => pem.replace(/^MI.{20}/m, 'HIDDEN')],
    ['one that is whole and one that is broken', (pem) => pem + pem.replace(/^MI.{20}/m, 'HIDDEN')],
  ])('%s is no certificate', (_, content) => {
    const broken = file('broken.pem', content(readFileSync(authority.ca, 'utf8')));
    const load = () => loadConfig({ AMQP_URL: AMQPS_URL, AMQP_CA_FILE: broken });
    expect(load).toThrow('  AMQP_CA_FILE: the file is no certificate in PEM (');
    expect(load).not.toThrow('HIDDEN');
  });

  test('a key with a passphrase cannot be used', () => {
    const { cert, key } = authority.client;
    const encrypted = join(folder, 'encrypted.key');
    execFileSync('openssl', ['ec', '-in', key, '-aes256', '-passout', 'pass:x', '-out', encrypted], {
      stdio: 'pipe',
    });
    const env = { AMQP_URL: AMQPS_URL, AMQP_CERT_FILE: cert, AMQP_KEY_FILE: encrypted };
    expect(() => loadConfig(env)).toThrow(
      '  AMQP_KEY_FILE: the file is no private key in PEM, or one with a passphrase',
    );
  });

  test('what does not go together is reported', () => {
    const { cert, key } = authority.client;
    expect(() => loadConfig({ AMQP_URL: AMQPS_URL, AMQP_CERT_FILE: cert })).toThrow(
      '  AMQP_KEY_FILE: is not set, and AMQP_CERT_FILE is',
    );
    expect(() => loadConfig({ AMQP_URL: AMQPS_URL, AMQP_KEY_FILE: key })).toThrow(
      '  AMQP_CERT_FILE: is not set, and AMQP_KEY_FILE is',
    );
    const mixed = { AMQP_URL: AMQPS_URL, AMQP_CERT_FILE: cert, AMQP_KEY_FILE: other.client.key };
    expect(() => loadConfig(mixed)).toThrow('  AMQP_KEY_FILE: is not the key of the certificate');
    expect(() => loadConfig({ AMQP_URL, AMQP_CA_FILE: authority.ca })).toThrow(
      '  AMQP_CA_FILE: goes with amqps://, and AMQP_URL begins with amqp://',
    );
  });
});
