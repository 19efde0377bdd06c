import type { Metrics } from '../src/metrics';

/** The samples of Prometheus' text format, by name and labels as they stand there. */
export function samplesOf(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  );
}

/** What metrics show now of what begins like this. */
export async function shown(metrics: Metrics, ...beginnings: string[]): Promise<Record<string, number>> {
  const samples = Object.entries(samplesOf(await metrics.text()));
  return Object.fromEntries(
    samples.filter(([name]) => beginnings.some((beginning) => name.startsWith(`delay_broker_${beginning}`))),
  );
}
