/** Two requests that move a message at once, step by step: with a ledger in memory, so that one is between two steps of the other. */
import { InProgressError, TooLateError } from '../../src/errors';
import type { LedgerEntry } from '../../src/ledger/entry';
import { createScheduler } from '../../src/scheduler';
import type { Verdict } from '../../src/verdicts/entry';
import { createMemoryChanges } from '../memory-ledger';

const MINUTE_MS = 60_000;
const NOW = 1_000 * MINUTE_MS;
const clock = () => NOW;

/** Runs before a claim is written, unless it runs already. */
let meanwhile: () => Promise<unknown>;
let published: number;
let changes: ReturnType<typeof createMemoryChanges>['changes'];
beforeEach(async () => {
  meanwhile = async () => {};
  published = 0;
  let interrupted = false;
  const before = async (what: LedgerEntry | Verdict) => {
    if (!('kind' in what) || what.kind !== 'claimed' || interrupted) return;
    interrupted = true;
    await meanwhile();
    interrupted = false;
  };
  const publisher = { publish: async () => void published++ };
  ({ changes } = createMemoryChanges({ scheduler: createScheduler({ publisher, clock }), clock, before }));
  await changes.acceptance.accept({
    to: 'emails',
    payload: {},
    dueAt: NOW + MINUTE_MS,
    own: { id: 'a', fingerprint: '' },
  });
  published = 0;
});

const dueAt = () => changes.ledger?.view().get('a')?.dueAt;

test('who comes second moves what the first has moved: the latest request counts', async () => {
  let interruptions = 0;
  meanwhile = async () => {
    if (interruptions++ === 0) await changes.rescheduling.reschedule('a', NOW + 2 * MINUTE_MS);
  };
  await expect(changes.rescheduling.reschedule('a', NOW + 3 * MINUTE_MS)).resolves.toEqual({
    dueAt: NOW + 3 * MINUTE_MS,
    status: 'scheduled',
  });
  expect(dueAt()).toBe(NOW + 3 * MINUTE_MS);
  expect(published).toBe(2);
});

test('who comes second to a cancel is told so, and moves nothing', async () => {
  meanwhile = () => changes.cancellation.cancel('a');
  await expect(changes.rescheduling.reschedule('a', NOW + 3 * MINUTE_MS)).rejects.toThrow(TooLateError);
  expect(published).toBe(0);
});

test('who always comes second is told to try again, and moves nothing', async () => {
  let moves = 0;
  meanwhile = () => changes.rescheduling.reschedule('a', NOW + (10 + ++moves) * MINUTE_MS);
  await expect(changes.rescheduling.reschedule('a', NOW + 3 * MINUTE_MS)).rejects.toThrow(InProgressError);
  expect(published).toBe(moves);
  expect(dueAt()).toBe(NOW + (10 + moves) * MINUTE_MS);
});
