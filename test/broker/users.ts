/** The broker's users as an operator makes them: by running what the topology prints. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { managementRequest } from '../../dev/management';
import type { World } from './world';

const managementUrl = process.env.TEST_MANAGEMENT_URL ?? '';

/** Writes each call down: its arguments, what it is given as a password, and an empty line. */
const RECORDING_RABBITMQCTL = `#!/bin/sh
{ printf '%s\\n' "$@"; [ "$1" != add_user ] || cat; echo; } >>"$CALLS"
`;

/** Runs a shell script whose rabbitmqctl only records, and returns the calls' arguments. */
export function rabbitmqctlCalls(script: string): string[][] {
  const folder = mkdtempSync('/tmp/delay-broker-test-');
  try {
    const calls = join(folder, 'calls');
    writeFileSync(join(folder, 'rabbitmqctl'), RECORDING_RABBITMQCTL, { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH}`, CALLS: calls };
    execFileSync('sh', ['-e'], { input: script, env });
    const blocks = readFileSync(calls, 'utf8').trimEnd().split('\n\n');
    return blocks.map((block) => block.split('\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Makes the users of a world; returns the AMQP_URL of each by what comes after `delay-` in its name. */
export async function makeUsers(world: World, ...options: string[]): Promise<Record<string, string>> {
  const script = execFileSync(
    process.execPath,
    [join(__dirname, '../../dist/topology.js'), '--users', ...options],
    { env: { PATH: process.env.PATH, AMQP_URL: world.amqpUrl }, encoding: 'utf8' },
  );
  for (const [command, ...args] of rabbitmqctlCalls(script)) {
    if (command === 'add_user') await addUser(args);
    else await setPermissions(args);
  }
  const urls = [...script.matchAll(/AMQP_URL=(\S+)/g)].map(([, url = '']) => url);
  return Object.fromEntries(urls.map((url) => [new URL(url).username.replace('delay-', ''), url]));
}

/** Deletes them. */
export async function deleteUsers(urls: Readonly<Record<string, string>>): Promise<void> {
  for (const url of Object.values(urls))
    await managementRequest(managementUrl, 'DELETE', `/api/users/${new URL(url).username}`);
}

/** Gives a user other permissions. */
export async function setPermissions([p, vhost = '', user, configure, write, read]: string[]): Promise<void> {
  expect(p).toBe('-p');
  const path = `/api/permissions/${encodeURIComponent(vhost)}/${user}`;
  await managementRequest(managementUrl, 'PUT', path, { configure, write, read });
}

async function addUser([name, password]: string[]): Promise<void> {
  await managementRequest(managementUrl, 'PUT', `/api/users/${name}`, { password, tags: '' });
}
