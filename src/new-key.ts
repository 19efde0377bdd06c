/** Makes a key for the API: `npm run key -- NAME [TARGET...]`. Nothing is stored; the entry goes into API_KEYS. */
import { messageOf } from './errors';
import { newApiKey } from './http/api-keys';

const USAGE = 'usage: npm run key -- NAME [TARGET...]';

function main([name, ...targets]: readonly string[]): void {
  if (name === undefined) throw new RangeError('a name says who holds the key');
  const { key, entry } = newApiKey(name, targets);
  process.stdout.write(
    [
      `The key for ${name}, shown this once; it goes into the header "Authorization: Bearer KEY":`,
      `  ${key}`,
      'Its entry in API_KEYS, beside others separated by commas:',
      `  ${entry}`,
      '',
    ].join('\n'),
  );
}

if (require.main === module) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`key: ${messageOf(error)}\n${USAGE}\n`);
    process.exitCode = 1;
  }
}
