import { cronFault } from '../../src/schedules/cron';

test.each([
  '0 0 * * *',
  ' 0  8,12,18 * * * ',
  '*/10 * * * * *',
  '0 0 L * *',
  '0 0 15W JAN-MAR mon-fri',
  '0 0 * * FRI#2',
  '0 0 29 2 *',
])('%s can be read', (expression) => {
  expect(cronFault(expression)).toBeUndefined();
});

test.each([
  ['61 * * * *', 'the minute "61" is wrong: it must be from 0 to 59'],
  ['* 25 * * *', 'the hour "25" is wrong: it must be from 0 to 23'],
  ['* * 0 * *', 'the day of month "0" is wrong: it must be from 1 to 31, or L for the last day'],
  ['* * * 13 *', 'the month "13" is wrong: it must be from 1 to 12, or JAN to DEC'],
  [
    '* * * * 9',
    'the day of week "9" is wrong: it must be from 0 to 7, where 0 and 7 are Sunday, or SUN to SAT',
  ],
  ['60 * * * * *', 'the second "60" is wrong: it must be from 0 to 59'],
  ['0 noon * * *', 'the hour "noon" is wrong: it must be from 0 to 23'],
  ['? * * * *', 'the minute "?" is wrong: there is no ? here, only *'],
  ['5-1 * * * *', `the minute "5-1" is wrong: From value is larger than to value: '5-1'`],
  ['*/0 * * * *', 'the minute "*/0" is wrong: illegal stepping: 0'],
  ['0 0 30 2 *', 'never fires: there is no such date'],
  ['0 0 31 2,4,6 *', 'never fires: there is no such date'],
])('of %s it says which field is wrong, and why', (expression, fault) => {
  expect(cronFault(expression)).toBe(fault);
});

test.each(['', '* * *', '* * * * * * *', '@daily'])('"%s" has another number of fields', (expression) => {
  expect(cronFault(expression)).toBe(
    'must have five fields (minute, hour, day of month, month, day of week), or six with seconds before them',
  );
});
