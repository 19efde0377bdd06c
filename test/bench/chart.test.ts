import { drawChart } from '../../bench/report/chart';
import { distributionOf } from '../../bench/statistics';

const line = (name: string, samples: number[]) => ({ name, distribution: distributionOf(samples) });
const chart = drawChart({
  title: 'Lateness <at> 1,000/s & more',
  axis: 'ms',
  lines: [line('ours', [0.5, 1, 2]), line('theirs', [-1, 4, 50])],
});

test('it has a line and a name in the legend for each, the first in front', () => {
  expect(chart.match(/<polyline/g)).toHaveLength(2);
  expect(chart.match(/>(ours|theirs)<\/text>/g)).toEqual(['>ours</text>', '>theirs</text>']);
  expect(chart.match(/<polyline class="([^"]+)"/g)?.at(-1)).toBe('<polyline class="line first"');
});

test('every point is within the picture, what came early too', () => {
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(chart) ?? [];
  const points = [...chart.matchAll(/points="([^"]+)"/g)].flatMap(([, list = '']) => list.split(' '));
  const places = points.map((point) => point.split(',').map(Number));
  expect(places.length).toBeGreaterThan(200);
  expect(places.filter(([x = -1]) => !(x >= 0 && x <= Number(width)))).toEqual([]);
  expect(places.filter(([, y = -1]) => !(y >= 0 && y <= Number(height)))).toEqual([]);
});

test('text is escaped', () => {
  expect(chart).toContain('>Lateness &lt;at> 1,000/s &amp; more</text>');
});

test('it has colours for a dark ground', () => {
  expect(chart).toMatch(/@media \(prefers-color-scheme: dark\)/);
});
