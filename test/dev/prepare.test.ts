import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// A project of its own, without packages and with nothing to compile: the real one is in use by other tests.
const project = mkdtempSync('/tmp/delay-broker-test-');
const at = (name: string) => join(project, name);

beforeAll(() => {
  for (const folder of ['dev', 'src']) mkdirSync(at(folder));
  for (const name of ['dev/prepare.mjs', 'dev/install-broker.mjs']) {
    cpSync(join(__dirname, '../..', name), at(name));
  }
  const lock = { name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'x' } } };
  writeFileSync(at('package-lock.json'), JSON.stringify(lock));
  writeFileSync(at('package.json'), JSON.stringify({ name: 'x', scripts: { build: 'node -e 0' } }));
  writeFileSync(at('tsconfig.json'), '{}');
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

function prepare(timeoutMs = 30_000) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [at('dev/prepare.mjs'), '--no-broker'], {
    encoding: 'utf8',
    timeout: timeoutMs,
  });
  return { status, output: stdout + stderr };
}

test('what is missing is installed and built, with a line for each', () => {
  mkdirSync(at('node_modules'), { recursive: true });
  expect(prepare()).toEqual({
    status: 0,
    output: 'prepare: installing packages (npm ci)\nprepare: compiling (npm run build)\n',
  });
});

test('where everything is there, nothing is said and no time is lost', () => {
  expect(prepare(5_000)).toEqual({ status: 0, output: '' });
});

test('after a change in the sources, only those are compiled', () => {
  writeFileSync(at('src/changed.ts'), '');
  expect(prepare()).toEqual({ status: 0, output: 'prepare: compiling (npm run build)\n' });
});

test('a build that fails ends it with what the compiler said', () => {
  const build = `node -e "console.log('line 1: wrong'); process.exit(2)"`;
  writeFileSync(at('package.json'), JSON.stringify({ name: 'x', scripts: { build } }));
  writeFileSync(at('src/changed.ts'), 'wrong');
  const { status, output } = prepare();
  expect(status).toBe(1);
  expect(output).toMatch(/npm run build failed:.*line 1: wrong/s);
});
