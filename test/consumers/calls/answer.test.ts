import fc from 'fast-check';
import { outcomeOfAnswer, outcomeOfFailure, retryAfterMs } from '../../../src/consumers/calls/answer';
import { reject, retry } from '../../../src/consumers/outcome';
import { AddressRefusedError } from '../../../src/errors';

const NOW = Date.parse('2026-11-20T12:00:00.000Z');

test.each([
  ['0', 0],
  ['120', 120_000],
  [' 120 ', 120_000],
  ['Fri, 20 Nov 2026 12:01:00 GMT', 60_000],
  ['Friday, 20-Nov-26 12:01:00 GMT', 60_000],
  ['Fri Nov 20 12:01:00 2026', 60_000],
  ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
  ['', undefined],
  [undefined, undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['5s', undefined],
  ['soon', undefined],
  ['2026-11-20T12:01:00Z', undefined],
  ['Fri, 99 Nov 2026 11:00:00 GMT', undefined],
])('Retry-After: %s', (value, expected) => {
  expect(retryAfterMs(value, NOW)).toBe(expected);
});

test('whatever a callee asks for, the wait is no negative number', () => {
  const asked = fc.oneof(fc.string(), fc.nat().map(String), fc.date({ noInvalidDate: true }).map(String));
  fc.assert(
    fc.property(asked, (value) => {
      const waitMs = retryAfterMs(value, NOW);
      expect(waitMs === undefined || waitMs >= 0).toBe(true);
    }),
  );
});

test('every status leads to an outcome, and only those that may pass are tried again', () => {
  const kinds = new Map<string, number[]>();
  for (let status = 200; status < 600; status++) {
    const { kind } = outcomeOfAnswer('GET a', { status }, NOW);
    kinds.set(kind, [...(kinds.get(kind) ?? []), status]);
  }
  expect(kinds.get('done')).toEqual(Array.from({ length: 100 }, (_, i) => 200 + i));
  expect(kinds.get('retry')).toEqual([408, 425, 429, ...Array.from({ length: 100 }, (_, i) => 500 + i)]);
});

test.each([
  ['a refused address', new AddressRefusedError('no'), reject('GET a: no')],
  [
    'what cannot be sent',
    Object.assign(new Error('no'), { code: 'UND_ERR_INVALID_ARG' }),
    reject('GET a: no'),
  ],
  ['a broken connection', Object.assign(new Error('no'), { code: 'ECONNRESET' }), retry('GET a: no')],
  ['two addresses that fail', new AggregateError([new Error('b'), new Error('c')]), retry('GET a: b, c')],
  ['no error at all', 'no', retry('GET a: no')],
])('%s', (_, error, expected) => {
  expect(outcomeOfFailure('GET a', error)).toEqual(expected);
});
