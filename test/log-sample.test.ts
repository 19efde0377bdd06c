import { sampledLogger } from '../src/log-sample';
import { idDueAt } from '../src/message';
import { recordedLog } from './broker/world';

const ids = Array.from({ length: 10_000 }, (_, i) => idDueAt(i));

/** The ids that a share leaves in the log. */
function left(share: number): string[] {
  const log = recordedLog();
  const sampled = sampledLogger(log, share);
  for (const messageId of ids) sampled.info('handled', { messageId });
  return log.lines.map(({ messageId }) => String(messageId));
}

test('of all nothing is left out, and of none nothing is left', () => {
  expect(left(1)).toEqual(ids);
  expect(left(0)).toEqual([]);
});

test.each([0.01, 0.1, 0.5])('a share of %d is about that', (share) => {
  // Ten standard deviations: such ids are random.
  const tolerance = 10 * Math.sqrt(ids.length * share * (1 - share));
  expect(Math.abs(left(share).length - ids.length * share)).toBeLessThan(tolerance);
});

test('the id decides: a message is in every log of this share and in those of a larger one', () => {
  const few = left(0.1);
  expect(left(0.1)).toEqual(few);
  expect(left(0.2)).toEqual(expect.arrayContaining(few));
});

test('what goes wrong and what is about no message is always written', () => {
  const log = recordedLog();
  const sampled = sampledLogger(log, 0);
  const messageId = 'm';
  sampled.error('failed', { messageId });
  sampled.warn('parked', { messageId });
  sampled.debug('early', { messageId });
  sampled.info('consuming', { to: 'orders' });
  sampled.info('handled', { messageId });
  expect(log.lines.map(({ level, event }) => `${level} ${event}`)).toEqual([
    'error failed',
    'warn parked',
    'debug early',
    'info consuming',
  ]);
});
