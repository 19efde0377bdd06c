import fc from 'fast-check';
import { dayEndedBy, timeZone } from '../src/time-zone';

const HOUR_MS = 3_600_000;
const day = (at: string, zone: string) => {
  const { from, to } = dayEndedBy(Date.parse(at), zone);
  return [new Date(from).toISOString(), new Date(to).toISOString(), (to - from) / HOUR_MS];
};

test.each([
  ['UTC', '2026-11-25T00:00:00.000Z', '2026-11-24T00:00:00.000Z', '2026-11-25T00:00:00.000Z', 24],
  ['UTC', '2026-11-24T23:59:59.999Z', '2026-11-23T00:00:00.000Z', '2026-11-24T00:00:00.000Z', 24],
  ['Asia/Shanghai', '2026-11-24T16:00:00.000Z', '2026-11-23T16:00:00.000Z', '2026-11-24T16:00:00.000Z', 24],
  ['Europe/Berlin', '2026-03-29T22:00:00.000Z', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z', 23],
  ['Europe/Berlin', '2026-10-25T23:00:00.000Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z', 25],
  ['Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-23T22:00:00.000Z', '2026-10-24T22:00:00.000Z', 24],
  ['Europe/Berlin', '2024-03-01T09:00:00.000Z', '2024-02-28T23:00:00.000Z', '2024-02-29T23:00:00.000Z', 24],
  ['America/New_York', '2026-03-09T04:00:00Z', '2026-03-08T05:00:00.000Z', '2026-03-09T04:00:00.000Z', 23],
  ['America/New_York', '2026-11-02T05:00:00Z', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z', 25],
  [
    'Australia/Lord_Howe',
    '2026-10-04T13:00:00Z',
    '2026-10-03T13:30:00.000Z',
    '2026-10-04T13:00:00.000Z',
    23.5,
  ],
  [
    'Australia/Lord_Howe',
    '2026-04-05T13:30:00Z',
    '2026-04-04T13:00:00.000Z',
    '2026-04-05T13:30:00.000Z',
    24.5,
  ],
])('in %s the day that ended by %s is that from %s to %s, of %d hours', (zone, at, ...expected) => {
  expect(day(at, zone)).toEqual(expected);
});

test.each([
  // The clocks went from 0:00 to 1:00.
  ['America/Sao_Paulo', '2018-11-05T02:00:00Z', '2018-11-04T03:00:00.000Z', '2018-11-05T02:00:00.000Z', 23],
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z', '2018-11-03T03:00:00.000Z', '2018-11-04T03:00:00.000Z', 24],
  ['Africa/Cairo', '2024-04-26T21:00:00Z', '2024-04-25T22:00:00.000Z', '2024-04-26T21:00:00.000Z', 23],
  ['Asia/Beirut', '2022-03-27T21:00:00Z', '2022-03-26T22:00:00.000Z', '2022-03-27T21:00:00.000Z', 23],
  // From 0:00 back to 23:00, and from 1:00 back to 0:00.
  ['America/Sao_Paulo', '2018-02-18T03:00:00Z', '2018-02-17T02:00:00.000Z', '2018-02-18T03:00:00.000Z', 25],
  ['America/Havana', '2026-11-02T05:00:00Z', '2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z', 25],
  // There was no 30 December.
  ['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z', 24],
])('midnight may be passed over, or come twice: %s by %s', (zone, at, ...expected) => {
  expect(day(at, zone)).toEqual(expected);
});

test('the day ends by the time given, and the next one has not ended', () => {
  const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe'];
  const decades = fc.integer({ min: Date.parse('2000-01-01'), max: Date.parse('2037-01-01') });
  fc.assert(
    fc.property(decades, fc.constantFrom(...zones), (at, zone) => {
      const { from, to } = dayEndedBy(at, zone);
      const time = new Intl.DateTimeFormat('en', { timeZone: zone, timeStyle: 'medium', hourCycle: 'h23' });
      expect([time.format(from), time.format(to)]).toEqual(['00:00:00', '00:00:00']);
      expect(to).toBeLessThanOrEqual(at);
      expect(at - to).toBeLessThan(25 * HOUR_MS);
      expect(dayEndedBy(to - 1, zone).to).toBe(from);
    }),
    { numRuns: 100 },
  );
});

test.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])('%s is a zone', (name) => {
  expect(timeZone.safeParse(name).success).toBe(true);
});

test.each(['', 'Europe/Atlantis', '+01:00', '../UTC', 'Berlin', 'UTC\n', 'x'.repeat(100)])(
  '"%s" is no zone',
  (name) => {
    expect(timeZone.safeParse(name).error?.issues.at(-1)?.message).toMatch(/time zone such as|Too big/);
  },
);
