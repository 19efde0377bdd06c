// @ts-check
// Makes a fresh clone ready to run: packages, build, broker. Plain JavaScript without dependencies, because
// it runs before there are any. Options: --no-broker (do not care about a broker), --always-broker (have
// rabbitmq-server even if AMQP_URL names a broker, for the tests).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// The whole module: Node before 20.12 has no parseEnv and would fail before it could be told the reason.
import util from 'node:util';
import { prepareBroker } from './install-broker.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (/** @type {string} */ name) => join(root, name);

/**
 * Ends this process with a plain message.
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

/**
 * Runs npm quietly; ends this process with npm's output if it fails.
 * @param {string[]} args
 */
function npm(args) {
  const result = spawnSync('npm', args, { cwd: root, encoding: 'utf8' });
  if (result.status === 0) return;
  fail(`npm ${args.join(' ')} failed:\n${result.error?.message ?? result.stdout + result.stderr}`);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node 20.19 or newer is needed, this is ${process.versions.node}: https://nodejs.org/en/download`);
}

function preparePackages() {
  const marker = at('node_modules/.prepared');
  const hash = createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex');
  if (existsSync(marker) ? readFileSync(marker, 'utf8') === hash : installedByHand()) {
    if (!existsSync(marker)) writeFileSync(marker, hash);
    return;
  }
  console.log('prepare: installing packages (npm ci)');
  // Building needs the development packages, whatever NODE_ENV says.
  npm(['ci', '--no-audit', '--no-fund', '--include=dev']);
  writeFileSync(marker, hash);
}

/** Whether somebody ran `npm ci` or `npm install` since the lock file last changed. */
function installedByHand() {
  const npmsRecord = at('node_modules/.package-lock.json');
  return (
    existsSync(npmsRecord) &&
    existsSync(at('node_modules/typescript')) &&
    statSync(npmsRecord).mtimeMs >= statSync(at('package-lock.json')).mtimeMs
  );
}

function prepareBuild() {
  const marker = at('dist/.built');
  const builtAt = existsSync(marker) ? statSync(marker).mtimeMs : 0;
  const sources = ['src', 'dev', 'tsconfig.json', 'package-lock.json'];
  if (sources.every((name) => newest(at(name)) <= builtAt)) return;
  console.log('prepare: compiling (npm run build)');
  const startedAt = new Date();
  npm(['run', 'build']);
  mkdirSync(at('dist'), { recursive: true });
  writeFileSync(marker, '');
  // What was saved during the build may not be in it.
  utimesSync(marker, startedAt, startedAt);
}

/**
 * When a file, or anything in a folder, last changed, in ms; a deleted file changes its folder.
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** @returns {Record<string, string | undefined>} the environment with what `.env` adds to it */
function environment() {
  const file = at('.env');
  return existsSync(file)
    ? { ...util.parseEnv(readFileSync(file, 'utf8')), ...process.env }
    : { ...process.env };
}

checkNode();
preparePackages();
prepareBuild();
const alwaysBroker = process.argv.includes('--always-broker');
if (!process.argv.includes('--no-broker')) {
  // The tests do not read .env, which is for the service.
  const env = alwaysBroker ? process.env : environment();
  if (!env.AMQP_URL || alwaysBroker) {
    const problem = await prepareBroker(env);
    if (problem !== undefined) fail(problem);
  }
}
