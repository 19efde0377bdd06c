import { existsSync, readFileSync } from 'node:fs';
import type { NodeFiles } from './node-files';

const MOST_LINES = 8;

/**
 * Puts why a node is not running into a message: the failure, where its log is, and the lines that matter.
 *
 * @param failure such as `ended with code 1`
 * @param logStart size of the log in bytes before this start; what is older is left out
 */
export function describeFailure(failure: string, port: number, files: NodeFiles, logStart: number): string {
  const linesOf = (file: string, from: number) =>
    existsSync(file) ? readFileSync(file).subarray(from).toString().split('\n') : [];
  const lines = tellingLines([...linesOf(files.output, 0), ...linesOf(files.log, logStart)]);
  const log = existsSync(files.log) ? files.log : files.output;
  return [`the broker on port ${port} ${failure}; its log is ${log}`, ...lines].join('\n  ');
}

/**
 * Of what a node logged, at most eight lines that tell why it failed: the first distinct errors, as the cause
 * comes first and pages of consequences after it; without errors, the last lines.
 */
export function tellingLines(lines: readonly string[]): string[] {
  const errors = lines
    .map((line) => /\[error\] <[\d.]+> (.*)$/.exec(line)?.[1]?.trimEnd() ?? '')
    .filter((text) => /\w/.test(text) && text !== 'BOOT FAILED');
  if (errors.length > 0) return [...new Set(errors)].slice(0, MOST_LINES);
  return lines.filter((line) => line.trim() !== '').slice(-MOST_LINES);
}
