/** One benchmark from start to end: what it needs, what it measures, what is written down. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Bench } from './bench';
import type { Endings } from './endings';
import { createLab } from './lab';
import { NO_WRK, wrkVersion } from './load/wrk';
import { RESULTS, ROOT } from './paths';
import { peerVersion } from './peer';
import { drawChart } from './report/chart';
import { isReached } from './report/goals';
import { machineLine } from './report/machine';
import type { Result, Series } from './report/result';
import { printedResult } from './report/tables';
import { NO_REDIS, redisVersion } from './servers/redis';

/**
 * Runs a benchmark and writes its results; false when something that is to be reached is not, in the full form or in a short one
 * whose bounds are made for it. A benchmark whose load cannot be made on this machine is left out, and counts as reached.
 */
export async function runBench(
  bench: Bench,
  { rounds, short }: { rounds: number; short: boolean },
  endings: Endings,
  say: (line: string) => void,
): Promise<boolean> {
  say(`\n${bench.name}: ${bench.about}`);
  if (bench.needs === 'wrk' && wrkVersion() === undefined) {
    say(`left out: ${NO_WRK}`);
    return true;
  }
  const versions = await versionsOf(bench, say);
  const run = { rounds, short, peer: versions.BullMQ !== undefined };
  const lab = createLab(endings, versions, say);
  const measured = await bench.run(lab, run);
  const result: Result = {
    ...{ bench: bench.name, about: bench.about, takenAt: new Date().toISOString(), rounds, short },
    machine: lab.machine(),
    settings: bench.settings(run),
    ...measured,
  };
  say(`\n${machineLine(result.machine)}\n${printedResult(result)}`);
  for (const file of written(result)) say(`written: ${relative(ROOT, file)}`);
  if (short && !bench.inShort) return true;
  return !measured.comparisons.some((comparison) => isReached(comparison) === false);
}

/** The peer takes part only with both its halves. */
async function versionsOf(
  { peer, needs }: Bench,
  say: (line: string) => void,
): Promise<Record<string, string>> {
  const wrk = needs === 'wrk' ? { wrk: wrkVersion() ?? 'unknown' } : {};
  if (!peer) return wrk;
  if (redisVersion() === undefined) {
    say(`without BullMQ: ${NO_REDIS}`);
    return wrk;
  }
  const version = await peerVersion(say);
  return { ...wrk, ...(version !== undefined && { BullMQ: version }) };
}

/** Short ones under a name of their own: they are nothing to keep. */
function written(result: Result): string[] {
  mkdirSync(RESULTS, { recursive: true });
  const name = result.short ? `short-${result.bench}` : result.bench;
  const data = join(RESULTS, `${name}.json`);
  writeFileSync(data, `${JSON.stringify(result, undefined, 1)}\n`);
  return [data, ...chartFiles(result, name)];
}

/** One chart for each case. */
function chartFiles({ series, axis, about }: Result, name: string): string[] {
  if (axis === undefined) return [];
  const cases = [...new Set(series.map((each) => each.case))];
  return cases.map((asked) => {
    const file = join(RESULTS, `${[name, ...wordsOf(asked)].join('-')}.svg`);
    const title = asked === '' ? about : `${about.replace(/\.$/, '')}: ${asked}`;
    const lines = series.filter((each) => each.case === asked).flatMap(lineOf);
    writeFileSync(file, drawChart({ title, axis, lines }));
    return file;
  });
}

function lineOf({ name, distribution }: Series) {
  return distribution ? [{ name, distribution }] : [];
}

const wordsOf = (asked: string) => asked.replaceAll(',', '').match(/\w+/g) ?? [];
