import { join } from 'node:path';
import { reportVariables } from '../../src/reports/mail';
import type { Report } from '../../src/reports/report';
import type { Activity } from '../../src/reports/tally';
import { loadTemplates } from '../../src/templates';

const templates = loadTemplates(join(__dirname, '../../templates'));

const QUIET: Activity = {
  counts: { accepted: 0, handled: 0, retried: 0, parked: 0, cancelled: 0 },
  lateness: undefined,
};
const BUSY: Activity = {
  counts: { accepted: 1_234, handled: 1_000, retried: 7, parked: 2, cancelled: 31 },
  lateness: { p50: 1, p90: 12, p99: 2_345, max: 7_500_000 },
};

/** The day before 25 November 2026 in Berlin. */
const DAY = { from: Date.parse('2026-11-23T23:00:00Z'), to: Date.parse('2026-11-24T23:00:00Z') };
const HOURS = Array.from({ length: 24 }, (_, hour) => (hour === 9 ? 40 : hour === 10 ? 1 : 0));

const report = (fields: Partial<Report> = {}): Report => ({
  period: DAY,
  madeAt: DAY.to + 2_000,
  complete: true,
  total: BUSY,
  targets: { orders: BUSY, relay: QUIET },
  reasons: [{ to: 'orders', error: '<b>\n500</b>', times: 9 }],
  pending: { from: DAY.to, messages: 41, targets: { orders: 41 }, hours: HOURS },
  ...fields,
});

const mailOf = (fields: Partial<Report> = {}, zone = 'Europe/Berlin') =>
  templates.render('report', reportVariables(report(fields), zone));

test('the subject says which day it is about, and how it went', () => {
  expect(mailOf().subject).toBe('Report for Tuesday, 24 November 2026: 1,000 handled, 2 parked');
});

test('the text part has aligned tables of all numbers', () => {
  const { text } = mailOf();
  expect(text).toContain(
    [
      '        accepted  handled  retried  parked  cancelled',
      'orders     1,234    1,000        7       2         31',
      'relay          0        0        0       0          0',
      'all        1,234    1,000        7       2         31',
    ].join('\n'),
  );
  expect(text).toContain(
    [
      '        50 %   90 %   99 %      latest',
      'orders  1 ms  12 ms  2.3 s  2 h 05 min',
      'relay      –      –      –           –',
    ].join('\n'),
  );
  expect(text).toContain('\n9  orders  <b> 500</b>\n');
  expect(text).toContain('PENDING FOR THE NEXT 24 HOURS: 41\n\norders: 41\n');
  expect(text).toContain(`\n09:00  40  ${'#'.repeat(40)}\n10:00   1  #\n11:00   0\n`);
});

test('the HTML part has the same numbers, bars as long as they are, and escapes what others wrote', () => {
  const { html } = mailOf();
  for (const shown of ['1,234', '1,000', '2.3 s', '2 h 05 min', 'Europe/Berlin', '25 Nov 2026, 00:00'])
    expect(html).toContain(shown);
  expect(html).toContain('&lt;b&gt;\n500&lt;/b&gt;');
  expect(html).toContain('title="09:00: 40"');
  const heights = [...html.matchAll(/<td height="(\d+)" bgcolor/g)].map(([, height]) => height);
  expect(heights).toEqual(['64', '2']);
  expect(html).toContain('<td width="100%" height="10" bgcolor="#2563eb"');
});

test('the HTML part has nothing that mail programs take out: no scripts, styles, images, links or SVG', () => {
  expect(mailOf().html).not.toMatch(/<(script|style|link|img|svg|canvas)|https?:|url\(|{{/);
});

test('where nothing happened it says so', () => {
  const nothing = { from: DAY.to, messages: 0, targets: {}, hours: Array(24).fill(0) };
  const { subject, text, html } = mailOf({
    total: QUIET,
    targets: { orders: QUIET },
    reasons: [],
    pending: nothing,
  });
  expect(subject).toContain('0 handled, 0 parked');
  for (const part of [text, html]) {
    expect(part).toContain('None was.');
    expect(part).toContain('Nothing is due.');
  }
  expect(html).not.toMatch(/NaN|undefined/);
});

test.each([
  [true, false],
  [false, true],
])('whether it is complete (%s) is told', (complete, told) => {
  const { text, html } = mailOf({ complete });
  expect([text.includes('NOT COMPLETE'), html.includes('Not complete.')]).toEqual([told, told]);
});

test.each([
  ['UTC', '23 Nov 2026, 23:00 to 24 Nov 2026, 23:00'],
  ['Asia/Shanghai', '24 Nov 2026, 07:00 to 25 Nov 2026, 07:00'],
])('a period that is no day in %s is told by its ends', (zone, period) => {
  expect(mailOf({}, zone).subject).toContain(`Report for ${period}: `);
});

test('the hours are those of the zone, also on a day when clocks are changed', () => {
  const from = Date.parse('2026-10-24T22:00:00Z');
  const { text } = mailOf({ pending: { ...report().pending, from } });
  expect(text).toMatch(/02:00 .*\n02:00 .*\n03:00 /);
});
