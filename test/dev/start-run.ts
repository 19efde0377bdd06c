import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { managementRequest } from '../../dev/management';
import { nodePorts } from '../../dev/node-files';
import { clearStaleNode, readRecord } from '../../dev/node-record';
import { processStartTime } from '../../dev/process-end';
import { eventually } from '../broker/eventually';

const STARTED_WITHIN_MS = 120_000;

/** `node dist/dev/start.js`, running or ended. */
export interface Run {
  /** What it and its programs have written so far. */
  output(): string;
  /** Resolves once the output matches; fails when it does not within 2 minutes, or ends before. */
  line(pattern: RegExp): Promise<void>;
  /** Resolves once it has ended and nothing writes to its output any more; `null` after a signal. */
  exitCode: Promise<number | null>;
  /** SIGTERM. */
  terminate(): void;
  /** SIGKILL. */
  kill(): void;
  /** Ends whatever still runs: this, its programs, and the node on `dataDir`. */
  end(dataDir: string): Promise<void>;
}

/** A process, by id and start time. */
export interface Started {
  readonly pid: number;
  readonly startTime: string;
}

/** Runs the launcher with these variables in addition to the environment. */
export function runStart(env: Record<string, string>): Run {
  const child = spawn(process.execPath, ['dist/dev/start.js'], {
    cwd: join(__dirname, '../..'),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let closed = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exitCode = once(child, 'close').then(([code]) => {
    closed = true;
    return code as number | null;
  });
  return {
    output: () => output,
    async line(pattern) {
      await eventually(() => closed || expect(output).toMatch(pattern), STARTED_WITHIN_MS);
      expect(output).toMatch(pattern);
    },
    exitCode,
    terminate: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
    async end(dataDir) {
      child.kill('SIGKILL');
      await exitCode;
      await clearStaleNode(dataDir, 0, () => undefined);
    },
  };
}

/** The service's process, by the name of its connection, and the node's, by the record in its folder. */
export async function startedProcesses(
  brokerPort: number,
  dataDir: string,
): Promise<{ service: Started; node: Started }> {
  const { management } = nodePorts(brokerPort);
  const pid = await eventually(async () => {
    const connections = await managementRequest(
      `http://127.0.0.1:${management}`,
      'GET',
      '/api/connections?columns=client_properties.connection_name',
    );
    const found = /all publish@[^"]*:(\d+)"/.exec(JSON.stringify(connections))?.[1];
    expect(found).toBeDefined();
    return Number(found);
  });
  const record = readRecord(dataDir);
  return {
    service: { pid, startTime: processStartTime(pid) ?? 'none' },
    node: { pid: record?.vmPid ?? 0, startTime: record?.vmStartTime ?? 'none' },
  };
}
