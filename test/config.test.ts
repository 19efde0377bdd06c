import { loadConfig } from '../src/config';
import { ConfigError } from '../src/errors';

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
