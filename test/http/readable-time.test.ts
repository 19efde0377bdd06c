import { localTime } from '../../src/date-time';
import { readableTime } from '../../src/http/readable-time';

test.each([
  ['2026-11-25T15:00:00+01:00', 'Wednesday, 25 November 2026, 15:00 (UTC+01:00)'],
  ['2026-11-25T14:00:00Z', 'Wednesday, 25 November 2026, 14:00 (UTC)'],
  ['2026-11-25T14:00:00.001Z', 'Wednesday, 25 November 2026, 14:00 (UTC)'],
  ['2026-11-25T14:00:00-00:00', 'Wednesday, 25 November 2026, 14:00 (UTC)'],
  ['2026-12-31T20:30:00-05:00', 'Thursday, 31 December 2026, 20:30 (UTC-05:00)'],
  ['2027-01-01T00:15:00+05:45', 'Friday, 1 January 2027, 00:15 (UTC+05:45)'],
  ['2027-01-01T00:15:00-03:30', 'Friday, 1 January 2027, 00:15 (UTC-03:30)'],
  ['2028-02-29T09:05:59.999+14:00', 'Tuesday, 29 February 2028, 09:05 (UTC+14:00)'],
])('%s is %s', (text, readable) => {
  expect(readableTime(localTime.parse(text))).toBe(readable);
});
