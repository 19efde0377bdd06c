/**
 * Draws distributions as an SVG: how many percent took at most so long, on a logarithmic axis. One file without scripts,
 * readable on light and on dark ground, as it stands in a README.
 */
import type { Distribution } from '../statistics';
import { type LogScale, logScale } from './scale';

/** One line of a chart. */
export interface ChartLine {
  readonly name: string;
  readonly distribution: Distribution;
}

/** What a chart shows. */
export interface Chart {
  readonly title: string;
  /** What is on the axis, with its unit. */
  readonly axis: string;
  /** In the order of the legend; the first is drawn strongest. */
  readonly lines: readonly ChartLine[];
  /** Where the axis begins at the lowest; default 0.01. */
  readonly least?: number;
}

const WIDTH = 760;
const PLOT = { left: 56, top: 44, right: 20, height: 260 };
const PLOT_WIDTH = WIDTH - PLOT.left - PLOT.right;
const BOTTOM = PLOT.top + PLOT.height;
const LEGEND_TOP = BOTTOM + 58;
const LEGEND_ROW = 20;

/** Told apart by people who see colours differently, too (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8a8a8a'];

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .ground { fill: #ffffff; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
  .first { stroke-width: 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .ground { fill: #0d1117; }
    .grid { stroke: #30363d; }
  }`;

/** The chart as the text of an SVG file. */
export function drawChart({ title, axis, lines, least = 0.01 }: Chart): string {
  const scale = logScale(
    lines.flatMap(({ distribution }) => distribution.values),
    least,
  );
  const height = LEGEND_TOP + lines.length * LEGEND_ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="${PLOT.left}" y="24">${escaped(title)}</text>`,
    ...percentGrid(),
    ...valueGrid(scale),
    `<text x="${PLOT.left + PLOT_WIDTH / 2}" y="${BOTTOM + 38}" text-anchor="middle">${escaped(axis)}</text>`,
    // The first on top of the others.
    ...lines.map((line, i) => curve(line, i, scale)).reverse(),
    ...lines.flatMap(({ name }, i) => legend(name, i)),
    '</svg>\n',
  ].join('\n');
}

function percentGrid(): string[] {
  return [0, 25, 50, 75, 90, 100].flatMap((percent) => {
    const y = yOf(percent);
    return [
      `<line class="grid" x1="${PLOT.left}" x2="${PLOT.left + PLOT_WIDTH}" y1="${y}" y2="${y}"/>`,
      `<text x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end">${percent} %</text>`,
    ];
  });
}

function valueGrid(scale: LogScale): string[] {
  return scale.ticks.flatMap((tick) => {
    const x = xOf(scale, tick);
    return [
      `<line class="grid" x1="${x}" x2="${x}" y1="${PLOT.top}" y2="${BOTTOM}"/>`,
      `<text x="${x}" y="${BOTTOM + 18}" text-anchor="middle">${tick.toLocaleString('en', { maximumFractionDigits: 9 })}</text>`,
    ];
  });
}

function curve({ distribution: { percents, values } }: ChartLine, index: number, scale: LogScale): string {
  const points = percents.map((percent, i) => `${xOf(scale, values[i] ?? Number.NaN)},${yOf(percent)}`);
  const weight = index === 0 ? ' first' : '';
  return `<polyline class="line${weight}" stroke="${colourOf(index)}" points="${points.join(' ')}"/>`;
}

function legend(name: string, index: number): string[] {
  const y = LEGEND_TOP + index * LEGEND_ROW;
  return [
    `<line class="line${index === 0 ? ' first' : ''}" stroke="${colourOf(index)}" x1="${PLOT.left}" x2="${PLOT.left + 24}" y1="${y - 4}" y2="${y - 4}"/>`,
    `<text x="${PLOT.left + 32}" y="${y}">${escaped(name)}</text>`,
  ];
}

const colourOf = (index: number) => COLOURS[index % COLOURS.length];
const xOf = (scale: LogScale, value: number) => rounded(PLOT.left + scale.at(value) * PLOT_WIDTH);
const yOf = (percent: number) => rounded(BOTTOM - (percent / 100) * PLOT.height);
const rounded = (place: number) => Math.round(place * 10) / 10;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
