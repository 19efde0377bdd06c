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

test('every problem is reported at once, by name, with what the variable should be', () => {
  const wrong = {
    HTTP_PORT: '99999',
    SMTP_URL: 'mail.example.com',
    LOG_LEVEL: 'loud',
    HANDLERS: '0',
    MAIL_FROM: 'a\nBcc: b',
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
