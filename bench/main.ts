/** The command `npm run bench`: runs benchmarks one after the other and writes down what they measured. */
import type { Bench } from './bench';
import { BENCHES } from './benches/benches';
import { createEndings, endOnSignal } from './endings';
import { optionsOf } from './options';
import { DOCUMENT, RESULTS } from './paths';
import { measureIdle } from './quiet';
import { writeFigures } from './report/figures-section';
import { runBench } from './run-bench';
import { judge } from './short-form';

let stopping = () => false;

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2), BENCHES);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  if (options.list) {
    for (const { name, about } of BENCHES) say(`${name.padEnd(10)} ${about}`);
    return 0;
  }
  if (options.table) {
    writeFigures(
      DOCUMENT,
      RESULTS,
      BENCHES.map(({ name }) => name),
    );
    return 0;
  }
  const endings = createEndings(say);
  stopping = endOnSignal(endings);
  const measure = (bench: Bench) => runBench(bench, options, endings, say).finally(() => endings.all());
  if (!options.short) {
    // It tells what is; only the short form judges.
    for (const bench of options.benches) await measure(bench);
    return 0;
  }
  const fallen: string[] = [];
  for (const bench of options.benches) {
    const judgement = await judge({ measure: () => measure(bench), idle: measureIdle, say });
    if (judgement === 'not judged') say(`${bench.name}: not judged, as the machine was busy`);
    if (judgement === 'fell') fallen.push(bench.name);
  }
  say(fallen.length === 0 ? '\nbench: nothing has fallen' : `\nbench: FAILED: ${fallen.join(', ')}`);
  return fallen.length === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    // What fails then fails because its programs are being ended, and the signal decides on the exit code.
    if (stopping()) return;
    const told = error instanceof Error ? error.message : String(error);
    process.stderr.write(`bench: ${told}\n`);
    process.exit(1);
  },
);
