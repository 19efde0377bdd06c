import { definitionSchema, scheduleName, timingOf } from '../../src/schedules/definition';

const GIVEN = { cron: '0 8,12,18 * * *', to: 'orders', payload: { order_id: 'sweep' } };

/** Where and what is wrong, a line each. */
const faultsOf = (given: object) =>
  definitionSchema.safeParse(given).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);

test('what is not given has a default, and what is comes back as it was written', () => {
  const given = { ...GIVEN, timezone: 'Europe/Berlin', starts_at: '2026-12-01T00:00:00+01:00' };
  expect(definitionSchema.parse(given)).toEqual({
    ...given,
    run_at_startup: false,
    catch_up: 'last',
    paused: false,
  });
});

test.each<[string, object, string]>([
  [
    'an expression that is none',
    { cron: '0 25 * * *' },
    'cron: the hour "25" is wrong: it must be from 0 to 23',
  ],
  ['one that never fires', { cron: '0 0 30 2 *' }, 'cron: never fires: there is no such date'],
  ['neither expression nor interval', { cron: undefined }, 'cron: exactly one of cron, every is needed'],
  ['both', { every: '1h' }, 'every: exactly one of cron, every is needed, but cron is there too'],
  [
    'an interval that is none',
    { cron: undefined, every: 'hourly' },
    'every: must be a duration such as "15m", "1h30m" or "PT15M", of 1 s at least and 3650 days at most',
  ],
  [
    'one that is too short',
    { cron: undefined, every: '999ms' },
    'every: must be a duration such as "15m", "1h30m" or "PT15M", of 1 s at least and 3650 days at most',
  ],
  [
    'a zone that does not exist',
    { timezone: 'Mars/Olympus_Mons' },
    'timezone: must be a time zone such as "Europe/Berlin" or "UTC"',
  ],
  [
    'a time without offset',
    { starts_at: '2026-12-01T00:00:00' },
    'starts_at: must be an RFC 3339 date and time with offset, such as "2026-12-24T18:00:00+01:00"',
  ],
  [
    'an end before the beginning',
    { starts_at: '2026-12-02T00:00:00Z', ends_at: '2026-12-01T00:00:00Z' },
    'ends_at: must not be before starts_at',
  ],
  [
    'no run between the two',
    { starts_at: '2026-12-01T19:00:00Z', ends_at: '2026-12-02T07:00:00Z' },
    'ends_at: must leave a run: there is none from starts_at up to it',
  ],
])('%s is refused', (_, change, fault) => {
  expect(faultsOf({ ...GIVEN, ...change })).toEqual([fault]);
});

test('an unknown target, field or way to catch up is refused', () => {
  const faults = faultsOf({ ...GIVEN, to: 'nowhere', catch_up: 'some', cronn: '* * * * *' }) ?? [];
  expect(faults.map((fault) => fault.split(':')[0])).toEqual(expect.arrayContaining(['to', 'catch_up', '']));
});

test('one that has ended already can be put: a file of schedules stays valid', () => {
  expect(faultsOf({ ...GIVEN, ends_at: '2020-01-01T00:00:00Z' })).toBeUndefined();
});

test('the timing has times in milliseconds', () => {
  const times = { starts_at: '2026-12-01T00:00:00+01:00', ends_at: '2026-12-31T00:00:00.0001Z' };
  const definition = definitionSchema.parse({ ...GIVEN, ...times, cron: undefined, every: 'PT15M' });
  expect(timingOf(definition)).toEqual({
    everyMs: 900_000,
    timezone: 'UTC',
    startsAt: Date.parse('2026-11-30T23:00:00Z'),
    endsAt: Date.parse('2026-12-31T00:00:00.001Z'),
  });
});

test.each<[string, object]>([
  ['timezone', { timezone: 'Mars/Olympus_Mons' }],
  ['cron', { cron: '0 25 * * *' }],
  ['every', { cron: undefined, every: 'hourly' }],
  ['starts_at', { starts_at: 'tomorrow' }],
  ['ends_at', { ends_at: '2027-02-30T00:00:00Z' }],
])('with beginning and end, a wrong %s is one fault and no other', (field, change) => {
  const period = { starts_at: '2026-12-01T00:00:00Z', ends_at: '2027-12-01T00:00:00Z' };
  expect(faultsOf({ ...GIVEN, ...period, ...change })).toEqual([expect.stringMatching(`^${field}: `)]);
});

test.each(['daily-report', 'a', 'Orders.sweep_2~x', 'x'.repeat(64)])('%s is a name', (name) => {
  expect(scheduleName.safeParse(name).success).toBe(true);
});

test.each(['', '.', '..', 'a b', 'a/b', 'a:b', 'ä', 'x'.repeat(65)])('"%s" is no name', (name) => {
  expect(scheduleName.safeParse(name).success).toBe(false);
});
