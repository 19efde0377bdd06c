import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findApiKey, parseApiKeys } from '../src/http/api-keys';

const program = join(__dirname, '../dist/new-key.js');
const run = (...args: string[]) => promisify(execFile)(process.execPath, [program, ...args]);

test('makes a key and its entry for API_KEYS', async () => {
  const { stdout } = await run('shop', 'orders', 'emails');
  const [, key = '', entry = ''] = /\n {2}(db_\S+)\n.+\n {2}(shop:\S+)\n$/.exec(stdout) ?? [];
  expect(findApiKey(parseApiKeys(entry), key)).toMatchObject({ name: 'shop', targets: ['orders', 'emails'] });
});

test.each([
  [[], 'a name says who holds the key'],
  [['the shop'], 'a name is 1 to 64 letters'],
  [['shop', 'parcels'], 'there is no target "parcels"'],
])('for %j says what is wrong and how it is used', async (args, why) => {
  await expect(run(...args)).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(new RegExp(`^key: ${why}.*\nusage: npm run key -- NAME`)),
  });
});
