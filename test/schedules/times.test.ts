import fc from 'fast-check';
import { type Timing, timesOf } from '../../src/schedules/times';

const DAY_MS = 86_400_000;
const at = Date.parse;

/** The times of a period, one after the other. */
function all(timing: Timing, from: string, to: string): string[] {
  const times: string[] = [];
  const { next } = timesOf(timing);
  for (let time = next(at(from) - 1); time !== undefined && time < at(to); time = next(time)) {
    times.push(new Date(time).toISOString().replace(':00.000Z', 'Z'));
  }
  return times;
}

test.each([
  [
    'Europe/Berlin',
    '30 2 * * *',
    '2026-03-28T12:00Z',
    ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    'left out',
  ],
  ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00Z', ['2026-10-25T00:30Z', '2026-10-26T01:30Z'], 'twice'],
  [
    'America/New_York',
    '30 2 * * *',
    '2026-03-07T12:00Z',
    ['2026-03-08T07:00Z', '2026-03-09T06:30Z'],
    'left out',
  ],
  [
    'America/New_York',
    '30 1 * * *',
    '2026-10-31T12:00Z',
    ['2026-11-01T05:30Z', '2026-11-02T06:30Z'],
    'twice',
  ],
  [
    'Asia/Shanghai',
    '30 2 * * *',
    '2026-03-28T12:00Z',
    ['2026-03-28T18:30Z', '2026-03-29T18:30Z'],
    'never changed',
  ],
  [
    'Australia/Lord_Howe',
    '15 2 * * *',
    '2026-10-03T00:00Z',
    ['2026-10-03T15:30Z', '2026-10-04T15:15Z'],
    'left out',
  ],
  [
    'Australia/Lord_Howe',
    '45 1 * * *',
    '2026-04-04T00:00Z',
    ['2026-04-04T14:45Z', '2026-04-05T15:15Z'],
    'twice',
  ],
])('in %s, %s runs once a day, also where the time is %5$s', (timezone, cron, from, expected) => {
  const to = new Date(at(from) + 2 * DAY_MS).toISOString();
  expect(all({ cron, timezone }, from, to)).toEqual(expected);
});

test.each([
  ['Europe/Berlin', '0 0 * * *'],
  ['America/New_York', '30 2 * * *'],
  ['Asia/Shanghai', '59 23 * * *'],
  ['Australia/Lord_Howe', '0 2,14 * * *'],
  ['Australia/Lord_Howe', '45 1 * * *'],
])('a year of %s %s has each of its times on each of its days once', (timezone, cron) => {
  const dates = all({ cron, timezone }, '2026-01-02T12:00Z', '2027-01-02T12:00Z').map((time) =>
    new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(at(time)),
  );
  const [, hours = ''] = cron.split(' ');
  expect(dates).toHaveLength(365 * hours.split(',').length);
  expect(new Set(dates).size).toBeGreaterThanOrEqual(365);
});

test('with a wildcard or a step, a time that is left out is left out, and one that comes twice is run twice', () => {
  const halfHours = { cron: '*/30 * * * *', timezone: 'Europe/Berlin' };
  expect(all(halfHours, '2026-03-29T00:30Z', '2026-03-29T02:00Z')).toEqual([
    ...['2026-03-29T00:30Z', '2026-03-29T01:00Z', '2026-03-29T01:30Z'],
  ]);
  const hours = { cron: '30 * * * *', timezone: 'Europe/Berlin' };
  expect(all(hours, '2026-10-25T00:00Z', '2026-10-25T02:00Z')).toEqual([
    ...['2026-10-25T00:30Z', '2026-10-25T01:30Z'],
  ]);
});

test.each([
  [
    'the 31st is only where there is one',
    '0 0 31 * *',
    ['2027-01-31', '2027-03-31', '2027-05-31', '2027-07-31', '2027-08-31', '2027-10-31', '2027-12-31'],
  ],
  [
    'the last day is every month',
    '0 0 L * *',
    Array.from({ length: 12 }, (_, month) =>
      new Date(Date.UTC(2027, month + 1, 0)).toISOString().slice(0, 10),
    ),
  ],
  ['the second Monday', '0 0 * 1-3 MON#2', ['2027-01-11', '2027-02-08', '2027-03-08']],
  [
    'days of the month or of the week, if both are given',
    '0 0 13 1 FRI',
    ['2027-01-01', '2027-01-08', '2027-01-13', '2027-01-15', '2027-01-22', '2027-01-29'],
  ],
])('%s', (_, cron, expected) => {
  const times = all({ cron, timezone: 'UTC' }, '2027-01-01T00:00Z', '2028-01-01T00:00Z');
  expect(times.map((time) => time.slice(0, 10))).toEqual(expected);
});

test('29 February is every four years, except in 2100', () => {
  const times = all({ cron: '0 0 29 2 *', timezone: 'UTC' }, '2092-01-01T00:00Z', '2105-01-01T00:00Z');
  expect(times.map((time) => time.slice(0, 4))).toEqual(['2092', '2096', '2104']);
});

test('three runs a day', () => {
  const times = all(
    { cron: '0 8,12,18 * * *', timezone: 'Europe/Berlin' },
    '2026-11-25T00:00Z',
    '2026-11-26T00:00Z',
  );
  expect(times).toEqual(['2026-11-25T07:00Z', '2026-11-25T11:00Z', '2026-11-25T17:00Z']);
});

test('an interval counts from its beginning, or from the epoch', () => {
  const quarters = { everyMs: 900_000, timezone: 'UTC' };
  expect(all(quarters, '2026-11-25T08:01Z', '2026-11-25T08:31Z')).toEqual([
    '2026-11-25T08:15Z',
    '2026-11-25T08:30Z',
  ]);
  const startsAt = at('2026-11-25T08:07Z');
  expect(all({ ...quarters, startsAt }, '2026-11-25T00:00Z', '2026-11-25T08:37Z')).toEqual([
    ...['2026-11-25T08:07Z', '2026-11-25T08:22Z'],
  ]);
});

test('nothing runs before the first or after the last possible moment, both of which count', () => {
  const timing = {
    cron: '0 * * * *',
    timezone: 'UTC',
    startsAt: at('2026-11-25T08:00Z'),
    endsAt: at('2026-11-25T10:00Z'),
  };
  expect(all(timing, '2020-01-01T00:00Z', '2030-01-01T00:00Z')).toEqual([
    ...['2026-11-25T08:00Z', '2026-11-25T09:00Z', '2026-11-25T10:00Z'],
  ]);
});

test('the latest times of a period are those that are counted through from its beginning', () => {
  const timing = fc.oneof(
    fc.record({
      cron: fc.constantFrom(
        '* * * * *',
        '*/7 * * * *',
        '30 1,2,3 * * *',
        '0 0 31 * *',
        '5 4 * * MON',
        '15 30 2 * * *',
      ),
      timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'),
    }),
    fc.record({ everyMs: fc.integer({ min: 1_000, max: DAY_MS }), timezone: fc.constant('UTC') }),
  );
  // Around the days on which clocks change.
  const changes = ['2026-03-29', '2026-10-25', '2026-03-08', '2026-11-01', '2026-04-04', '2026-10-03'];
  const around = fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -DAY_MS, max: DAY_MS }));
  const property = fc.property(
    ...([timing, around, fc.integer({ min: 0, max: 14_400_000 }), fc.integer({ min: 1, max: 100 })] as const),
    (timing, [date, offsetMs], lengthMs, most) => {
      const { next, latest } = timesOf(timing);
      const after = at(date) + offsetMs;
      const upTo = after + lengthMs;
      const counted: number[] = [];
      for (let time = next(after); time !== undefined && time <= upTo; time = next(time)) counted.push(time);
      expect(latest(most, after, upTo)).toEqual(counted.slice(-most));
    },
  );
  fc.assert(property, { numRuns: 100 });
});
