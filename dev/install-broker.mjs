// @ts-check
import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, mkdtempSync, openSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const DEBIAN_EXECUTABLES = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/usr/sbin/rabbitmq-server'];
const OTHER_WAYS =
  'install rabbitmq-server 3.10 or newer, or set RABBITMQ_SERVER to its executable or AMQP_URL to a ' +
  'running broker, or use `docker compose up`';

// Ports that Debian's own broker and epmd would open on all interfaces.
const SYSTEM_PORTS = [5672, 4369];

// The package starts a broker on all interfaces and has it started at every boot; only the programs are
// wanted. policy-rc.d is how Debian forbids the first; a machine's own one stays as it is.
const INSTALL = `
set -e
policy=/usr/sbin/policy-rc.d
trap 'exit 1' HUP INT TERM
if [ ! -e $policy ] || grep -q delay-broker-install $policy; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\n# delay-broker-install\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
units=rabbitmq-server.service
command -v epmd || units="$units epmd.service epmd.socket"
apt-get update
apt-get install -y --no-install-recommends rabbitmq-server
if command -v systemctl; then systemctl disable $units || true
else update-rc.d rabbitmq-server disable || true
fi`;

// For a machine whose own policy-rc.d let the services start. Nothing here was running before.
const STOP_SYSTEM_BROKER = `
if [ -d /run/systemd/system ]; then systemctl stop rabbitmq-server.service epmd.socket epmd.service
else service rabbitmq-server stop; epmd -kill
fi`;

/**
 * Makes sure there is a `rabbitmq-server` to run, installing Debian's if there is none.
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<string | undefined>} what is wrong, in one line, when there is none in the end
 */
export async function prepareBroker(env) {
  if (env.RABBITMQ_SERVER) {
    if (findExecutable(env.RABBITMQ_SERVER, env)) return undefined;
    return `RABBITMQ_SERVER is ${env.RABBITMQ_SERVER}, which is not an executable file`;
  }
  if ([...DEBIAN_EXECUTABLES, 'rabbitmq-server'].some((name) => findExecutable(name, env))) return undefined;
  const asRoot = rootPrefix();
  if (!asRoot || !findExecutable('apt-get', env)) return `no RabbitMQ here: ${OTHER_WAYS}`;

  console.log('prepare: installing RabbitMQ (apt-get install rabbitmq-server), takes about a minute');
  const openBefore = await openPorts();
  const log = join(mkdtempSync(join(tmpdir(), 'delay-broker-')), 'apt.log');
  const installed = runShell(asRoot, INSTALL, log);
  const opened = async () => (await openPorts()).filter((port) => !openBefore.includes(port));
  if ((await opened()).length > 0) runShell(asRoot, STOP_SYSTEM_BROKER, log);
  const stillOpen = await opened();
  if (stillOpen.length > 0) {
    console.warn(`prepare: the package started a system-wide broker (port ${stillOpen.join(', ')}): stop it`);
  }
  if (installed && findExecutable('/usr/lib/rabbitmq/bin/rabbitmq-server', env)) return undefined;
  return `RabbitMQ could not be installed (see ${log}): ${OTHER_WAYS}`;
}

/**
 * What to put before a command to run it as root without a question; `undefined` when that is impossible.
 * @returns {string[] | undefined}
 */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

/**
 * @param {string[]} prefix
 * @param {string} script
 * @param {string} log file that gets the output
 * @returns {boolean} whether it succeeded
 */
function runShell(prefix, script, log) {
  const output = openSync(log, 'a');
  const [command = 'sh', ...args] = [...prefix, 'sh', '-c', script];
  const { status } = spawnSync(command, args, { stdio: ['ignore', output, output] });
  closeSync(output);
  return status === 0;
}

/**
 * @param {string} name a path, or a name to look for in PATH
 * @param {Record<string, string | undefined>} env
 * @returns {boolean} whether it is there and may be executed
 */
function findExecutable(name, env) {
  const folders = name.includes('/') ? [''] : (env.PATH ?? '').split(delimiter);
  return folders.some((folder) => {
    const path = folder ? join(folder, name) : name;
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/** Those of `SYSTEM_PORTS` that something listens on. */
async function openPorts() {
  const open = await Promise.all(
    SYSTEM_PORTS.map(
      (port) =>
        new Promise((resolve) => {
          const socket = connect(port, '127.0.0.1', () => resolve(true));
          socket.on('connect', () => socket.destroy()).on('error', () => resolve(false));
        }),
    ),
  );
  return SYSTEM_PORTS.filter((_, index) => open[index]);
}
