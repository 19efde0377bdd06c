import { ConfigError } from '../../src/errors';
import { requireProtection } from '../../src/http/exposure';

const open = { keys: 0, allowAnonymous: false };

test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost', 'LOCALHOST'])('%s needs no keys', (host) => {
  expect(() => requireProtection({ host, ...open })).not.toThrow();
});

describe.each([
  '0.0.0.0',
  '::',
  '192.0.2.1',
  '10.0.0.1',
  '128.0.0.1',
  'fe80::1',
  'shop.internal',
  'localhost.example',
])('%s', (host) => {
  test('is refused without keys, and the message says what to do', () => {
    const start = () => requireProtection({ host, ...open });
    expect(start).toThrow(ConfigError);
    for (const said of [`HTTP_HOST: ${host}`, 'API_KEYS', 'npm run key', '127.0.0.1', 'ALLOW_ANONYMOUS=true'])
      expect(start).toThrow(said);
  });

  test('may be used with keys, or where that was decided', () => {
    expect(() => requireProtection({ host, ...open, keys: 1 })).not.toThrow();
    expect(() => requireProtection({ host, ...open, allowAnonymous: true })).not.toThrow();
  });
});
