/** The peer's packages: installed apart from the project when a benchmark first needs them, so that nobody else gets them. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PEER } from './paths';

const MARKER = join(PEER, 'node_modules', '.prepared');

/** Installs BullMQ unless it is there; its version, or undefined when it cannot be had, which is said. */
export async function peerVersion(say: (line: string) => void): Promise<string | undefined> {
  const lock = createHash('sha256')
    .update(readFileSync(join(PEER, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(MARKER) || readFileSync(MARKER, 'utf8') !== lock) {
    say('installing BullMQ into bench/peer (npm ci)');
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    const { status, error, stdout, stderr } = spawnSync('npm', args, { cwd: PEER, encoding: 'utf8' });
    if (status !== 0) {
      say(`without BullMQ: npm ci in bench/peer failed:\n${error?.message ?? stdout + stderr}`);
      return undefined;
    }
    writeFileSync(MARKER, lock);
  }
  return JSON.parse(readFileSync(join(PEER, 'node_modules/bullmq/package.json'), 'utf8')).version;
}
