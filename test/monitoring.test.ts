/** What docs/ has for whoever watches the service is compared with what the service shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
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
  const rows = [...read('docs/monitoring.md').matchAll(/^\| `(delay_broker_\w+)`\s*\| (\w+)\s*\|/gm)];
  const documented = rows.map(([, name = '', type = '']) => [name, type] as const);
  const shown = [...(await shownTypes())].filter(isOwn);
  expect(documented.toSorted()).toEqual(shown.toSorted());
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}
const rules: Rule[] = parse(read('docs/monitoring/alerts.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: { readonly expr: string }[];
}
const dashboard: { panels: Panel[] } = JSON.parse(read('docs/monitoring/dashboard.json'));
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** What Prometheus is asked, and by whom. */
const queries = [
  ...rules.map(({ alert, expr }) => ({ of: `alert ${alert}`, expr })),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ of: `panel ${title}`, expr }))),
];

test('every metric that a rule or a panel asks for is one that a process shows', async () => {
  const series = [...(await shownTypes())].flatMap(([name, type]) =>
    type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
  );
  for (const { of, expr } of queries) {
    const asked = expr.match(/\b(?:delay_broker|process|nodejs)_\w+/g) ?? [];
    expect({ of, asked: asked.length > 0 }).toEqual({ of, asked: true });
    expect({ of, unknown: asked.filter((name) => !series.includes(name)) }).toEqual({ of, unknown: [] });
  }
});

test('every label that a rule or a panel goes by is documented, or one that Prometheus adds', () => {
  const rows = [...read('docs/monitoring.md').matchAll(/^\| `delay_broker_\w+`\s*\| \w+\s*\|([^|]*)\|/gm)];
  const labels = rows.flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, label]) => label));
  const known = new Set([...labels, 'instance', 'le']);
  for (const { of, expr } of queries) {
    const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(', '),
    );
    const matched = [...expr.matchAll(/(\w+)=~?"/g)].map(([, label = '']) => label);
    const unknown = [...grouped, ...matched].filter((label) => !known.has(label));
    expect({ of, unknown }).toEqual({ of, unknown: [] });
  }
});

test('every alert says how urgent it is and what happened, is tested, and is explained in docs/monitoring.md', () => {
  const tested = new Set(
    parse(read('docs/monitoring/alerts.test.yml')).tests.flatMap(
      (each: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }) =>
        each.alert_rule_test.filter(({ exp_alerts }) => exp_alerts).map(({ alertname }) => alertname),
    ),
  );
  expect(rules.map(({ alert }) => alert)).toEqual([...new Set(rules.map(({ alert }) => alert))]);
  for (const { alert, labels, annotations } of rules) {
    expect(['critical', 'warning']).toContain(labels.severity);
    expect(annotations).toEqual({ summary: expect.stringMatching(/\.$/), description: expect.any(String) });
    expect({ alert, tested: tested.has(alert) }).toEqual({ alert, tested: true });
  }
  const explained = [...read('docs/monitoring.md').matchAll(/^\| `(DelayBroker\w+)`/gm)].map(
    ([, name]) => name,
  );
  expect(explained).toEqual(rules.map(({ alert }) => alert));
});
