import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const QUERY_TIMEOUT_MS = 20_000;
const versionFile = (dataDir: string) => join(dataDir, 'version');

/** Notes which version of RabbitMQ, such as `3.10.8`, now owns a data folder. */
export function writeDataVersion(dataDir: string, version: string): void {
  writeFileSync(versionFile(dataDir), `${version}\n`);
}

/**
 * Throws when a newer release series of RabbitMQ wrote the data folder: an older one would not notice, start
 * without the messages, and leave a folder on which the newer one no longer starts.
 *
 * @param env environment for `rabbitmqctl`, which tells the version
 * @returns what to say should the start fail, when an older release series wrote the folder; else `undefined`
 */
export async function checkDataVersion(
  dataDir: string,
  executable: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (!existsSync(versionFile(dataDir))) return undefined;
  const data = readFileSync(versionFile(dataDir), 'utf8').trim();
  const own = await serverVersion(executable, env);
  if (own === undefined || seriesNumber(data) === seriesNumber(own)) return undefined;
  const written = `the data folder ${dataDir} was written by RabbitMQ ${data}, and this is ${own}`;
  const otherwise = 'choose another BROKER_DATA_DIR, or delete the folder if its messages may be lost';
  if (seriesNumber(data) > seriesNumber(own)) {
    throw new Error(
      `${written}, which is older and cannot read it: run ${data} (RABBITMQ_SERVER), ${otherwise}`,
    );
  }
  return (
    `${written}: an upgrade has to go step by step (https://www.rabbitmq.com/docs/upgrade); ` +
    `run ${data} (RABBITMQ_SERVER), ${otherwise}`
  );
}

/** The version of the server, told by the `rabbitmqctl` beside it within half a second, if there is one. */
async function serverVersion(executable: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const rabbitmqctl = executable.includes('/') ? join(dirname(executable), 'rabbitmqctl') : 'rabbitmqctl';
  try {
    const { stdout } = await promisify(execFile)(rabbitmqctl, ['version'], {
      env,
      timeout: QUERY_TIMEOUT_MS,
    });
    return /^\d+\.\d+\S*/m.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}

/** 3.10.8 as 3010: only the first two parts of a version matter to the data. */
function seriesNumber(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
}
