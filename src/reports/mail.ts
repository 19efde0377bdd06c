/** What the mail's template shows of a report: numbers as people write them, bars by their length, tables as text. */
import type { TemplateVariables } from '../templates';
import type { Pending } from './pending';
import type { Report } from './report';
import { type Activity, COUNTED } from './tally';
import { textTable } from './text-table';
import { durationText, hourText, numberText, periodText, timeText } from './wording';

/** The folder of the mail's template. */
export const REPORT_TEMPLATE = 'report';

/** The templates that a message may name: a report's variables are not ones that it could bring. */
export function offeredTemplates(names: readonly string[]): string[] {
  return names.filter((name) => name !== REPORT_TEMPLATE);
}

/** The longest bar, in percent or pixels. */
const LONGEST_BAR = 100;
const TALLEST_BAR = 64;
/** Widest bar of the text part, in characters. */
const WIDEST_BAR = 40;

const HOUR_MS = 3_600_000;
const NONE = '–';

/**
 * The variables of the template `report`.
 *
 * @param zone whose hours are shown
 */
export function reportVariables(report: Report, zone: string): TemplateVariables {
  const { period, madeAt, complete, total, reasons, pending } = report;
  return {
    period: periodText(period, zone),
    zone,
    made_at: timeText(madeAt, zone),
    complete,
    failed: total.counts.parked > 0,
    ...countTexts(total),
    late: latenessTexts(total),
    targets: targetRows(report),
    counts_text: countsText(report),
    lateness_text: latenessText(report),
    reasons: reasons.map(({ to, error, times }) => ({ to, error, times: numberText(times) })),
    reasons_text: textTable(
      reasons.map(({ to, error, times }) => [numberText(times), to, oneLine(error)]),
      ['right', 'left', 'left'],
    ),
    pending: pendingVariables(pending, zone),
  };
}

function targetRows({ targets }: Report) {
  const most = Math.max(...Object.values(targets).map(({ counts }) => counts.handled));
  return Object.entries(targets).map(([name, activity]) => ({
    name,
    ...countTexts(activity),
    late: latenessTexts(activity),
    bar: lengthOf(activity.counts.handled, most, LONGEST_BAR),
  }));
}

function countTexts({ counts }: Activity): Record<string, string> {
  return Object.fromEntries(COUNTED.map((kind) => [kind, numberText(counts[kind])]));
}

const LATENESSES = ['p50', 'p90', 'p99', 'max'] as const;

function latenessTexts({ lateness }: Activity): Record<string, string> {
  return Object.fromEntries(LATENESSES.map((each) => [each, lateness ? durationText(lateness[each]) : NONE]));
}

function pendingVariables({ from, messages, targets, hours }: Pending, zone: string): TemplateVariables {
  const most = Math.max(...hours);
  const label = (hour: number) => hourText(from + hour * HOUR_MS, zone);
  return {
    messages: numberText(messages),
    any: messages > 0,
    most: numberText(most),
    most_at: label(hours.indexOf(most)),
    targets: Object.entries(targets).map(([name, count]) => ({ name, messages: numberText(count) })),
    hours: hours.map((count, hour) => ({
      label: label(hour),
      messages: numberText(count),
      any: count > 0,
      height: lengthOf(count, most, TALLEST_BAR),
      rest: TALLEST_BAR - lengthOf(count, most, TALLEST_BAR),
    })),
    marks: hours.flatMap((_, hour) => (hour % 6 === 0 ? [label(hour)] : [])),
    hours_text: textTable(
      hours.map((count, hour) => [
        label(hour),
        numberText(count),
        '#'.repeat(lengthOf(count, most, WIDEST_BAR)),
      ]),
      ['left', 'right', 'left'],
    ),
  };
}

/** How long a bar is; what is not nothing can be seen. */
function lengthOf(count: number, most: number, longest: number): number {
  return count === 0 ? 0 : Math.max(1, Math.round((count / most) * longest));
}

/** All targets, and the sum of them at the end. */
function rowsOf({ targets, total }: Report, cells: (activity: Activity) => readonly string[]): string[][] {
  return [...Object.entries(targets), ['all', total] as const].map(([name, activity]) => [
    name,
    ...cells(activity),
  ]);
}

function countsText(report: Report): string {
  return textTable([['', ...COUNTED], ...rowsOf(report, (activity) => Object.values(countTexts(activity)))]);
}

function latenessText(report: Report): string {
  const head = ['', '50 %', '90 %', '99 %', 'latest'];
  return textTable([head, ...rowsOf(report, (activity) => Object.values(latenessTexts(activity)))]);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
