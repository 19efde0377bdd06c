/**
 * Load by way of wrk (apt-get install wrk): it is written in C and takes a small part of a core for what a load generator in Node
 * takes a whole one for, and on a small machine that part is missing to what is measured.
 */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../paths';
import type { Distribution } from '../statistics';

/** Load of one kind. */
export interface LoadSettings {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** Orders, each with an id of its own beginning with this; or one body from a file. */
  readonly body: { readonly orderPrefix: string } | { readonly file: string };
}

/** What came of it. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  /** Results with status 202 in all answers to batches, a second. */
  readonly acceptedPerSecond: number;
  /** How long an answer took, in milliseconds. */
  readonly latency: Distribution;
}

/** How to come by it. */
export const NO_WRK = 'There is no wrk here: install it (apt-get install wrk).';

const SCRIPT = join(ROOT, 'bench', 'load', 'requests.lua');

/** wrk's version; undefined when there is none on this machine. */
export function wrkVersion(): string | undefined {
  try {
    execFileSync('wrk', ['-v'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return 'installed';
  } catch (error) {
    // It prints its version and then fails.
    return /^wrk (?:\S+\/)?(\S+)/.exec(String((error as { stdout?: unknown }).stdout ?? ''))?.[1];
  }
}

/**
 * Sends load for so long.
 *
 * @throws Error when there is no wrk, when any request failed, and when none was answered in time
 */
export async function load({ url, connections, seconds, body }: LoadSettings): Promise<LoadResult> {
  if (wrkVersion() === undefined) throw new Error(NO_WRK);
  const script = 'file' in body ? ['file', body.file] : ['order', body.orderPrefix];
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '10s',
    '-s',
    SCRIPT,
    url,
    '--',
    ...script,
  ];
  const { stdout } = await promisify(execFile)('wrk', args, { timeout: (seconds + 30) * 1_000 });
  return resultOf(stdout);
}

/** What the script has printed. */
export function resultOf(output: string): LoadResult {
  const [json] = /^\{.*\}$/m.exec(output) ?? [];
  if (json === undefined) throw new Error(`wrk has said nothing of what came of it:\n${output}`);
  const { requests, failed, accepted, seconds, percents, values } = JSON.parse(json);
  if (requests === 0) throw new Error('No request was answered in the time there was.');
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed.`);
  const latency: Distribution = { percents, values };
  return { requestsPerSecond: requests / seconds, acceptedPerSecond: accepted / seconds, latency };
}
