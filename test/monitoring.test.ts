/** What docs/ has for whoever watches the service is compared with what the service shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics, OBSERVED_GAUGES, type ObservedGauge } from '../src/metrics';

const root = join(__dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Every metric that a process can show, with its type. */
async function shownTypes(): Promise<Map<string, string>> {
  const metrics = createMetrics();
  for (const name of Object.keys(OBSERVED_GAUGES) as ObservedGauge[]) metrics.observe(name, () => 0);
  const types = (await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm);
  return new Map([...types].map(([, name = '', type = '']) => [name, type]));
}

const isOwn = ([name]: readonly [string, string]) => name.startsWith('delay_broker_');

test('docs/monitoring.md lists every metric of the service with its type', async () => {
  const rows = [...read('docs/monitoring.md').matchAll(/^\| `(\w+)`\s*\| (\w+)\s*\|/gm)];
  const documented = rows.map(([, name = '', type = '']) => [name, type] as const);
  const shown = [...(await shownTypes())].filter(isOwn);
  expect(documented.toSorted()).toEqual(shown.toSorted());
});
