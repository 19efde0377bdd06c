/** What is wrong with a cron expression, field by field, for people. */
import { messageOf } from '../errors';
import { openCron } from './times';

/** Longest expression, in characters. */
export const LONGEST_CRON = 128;

const FIELDS = [
  { name: 'second', range: 'from 0 to 59' },
  { name: 'minute', range: 'from 0 to 59' },
  { name: 'hour', range: 'from 0 to 23' },
  { name: 'day of month', range: 'from 1 to 31, or L for the last day' },
  { name: 'month', range: 'from 1 to 12, or JAN to DEC' },
  { name: 'day of week', range: 'from 0 to 7, where 0 and 7 are Sunday, or SUN to SAT' },
] as const;

/** What is wrong with an expression; undefined when nothing is. */
export function cronFault(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/);
  const known = FIELDS.slice(-fields.length);
  if (fields.length < 5 || fields.length > 6)
    return 'must have five fields (minute, hour, day of month, month, day of week), or six with seconds before them';
  for (const [place, field] of fields.entries()) {
    const why = fieldFault(field, place, fields.length);
    if (why !== undefined) return `the ${known[place]?.name} "${field}" is wrong: ${why}`;
  }
  // From a moment that does not matter: the days and weekdays of all dates come again after 28 years, or 400.
  return openCron(expression, 'UTC').nextRun(new Date(0)) ? undefined : 'never fires: there is no such date';
}

/** Read with a star for every other field, so that it is this field that is complained of. */
function fieldFault(field: string, place: number, count: number): string | undefined {
  // For croner it is the time at which the expression is read.
  if (field.includes('?')) return 'there is no ? here, only *';
  try {
    openCron(Array.from({ length: count }, (_, i) => (i === place ? field : '*')).join(' '), 'UTC');
    return undefined;
  } catch (error) {
    const range = FIELDS.slice(-count)[place]?.range;
    if (error instanceof RangeError) return `it must be ${range}`;
    const [, why = ''] = /^CronPattern: (?:Syntax error, )?(.*?)\.?$/.exec(messageOf(error)) ?? [];
    return /is not a number|illegal characters/.test(why) || why === '' ? `it must be ${range}` : why;
  }
}
