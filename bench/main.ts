/** The command `npm run bench`: runs benchmarks one after the other and writes down what they measured. */
import { BENCHES } from './benches/benches';
import { createEndings, endOnSignal } from './endings';
import { optionsOf } from './options';
import { DOCUMENT, RESULTS } from './paths';
import { writeFigures } from './report/figures-section';
import { runBench } from './run-bench';

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
  let fell = 0;
  for (const bench of options.benches) {
    const reached = await runBench(bench, options, endings, say).finally(() => endings.all());
    if (!reached) fell++;
  }
  if (options.short)
    say(fell === 0 ? '\nbench: nothing has fallen' : `\nbench: FAILED: ${fell} of ${options.benches.length}`);
  // The full form tells what is; only the short one judges.
  return options.short && fell > 0 ? 1 : 0;
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
