/** Two processes that replace the same at once, step by step: with ledgers in memory, so that one is between two steps of the other. */
import { createReplacement, type Replacement } from '../../src/changes/replacement';
import { BrokerUnavailableError, InProgressError, OutcomeUnknownError } from '../../src/errors';
import type { LedgerEntry } from '../../src/ledger/entry';
import { isPending } from '../../src/ledger/record';
import { createScheduler } from '../../src/scheduler';
import type { Verdict } from '../../src/verdicts/entry';
import { createMemoryChanges } from '../memory-ledger';

const MINUTE_MS = 60_000;
const NOW = 1_000 * MINUTE_MS;

const request = (content: string) => ({
  ...{ name: 'm', to: 'emails', payload: content, dueAt: NOW + 60 * MINUTE_MS, fingerprint: content },
});

/** Runs before anything is written, and can throw. */
let before: (what: LedgerEntry | Verdict) => void;
let published: number;
let changes: ReturnType<typeof createMemoryChanges>['changes'];
beforeEach(() => {
  before = () => {};
  published = 0;
  const clock = () => NOW;
  const publisher = { publish: async () => void published++ };
  ({ changes } = createMemoryChanges({
    ...{ scheduler: createScheduler({ publisher, clock }), clock, before: (what) => before(what) },
  }));
});

/** A process whose clock is ahead by so much; something may happen just before it has a message accepted. */
function processAhead(aheadMs: number, meanwhile: () => Promise<unknown> = async () => {}): Replacement {
  const { ledger, acceptance, cancellation } = changes;
  if (!ledger) throw new Error('no ledger');
  return createReplacement({
    ...{ ledger, cancellation, clock: () => NOW + aheadMs },
    acceptance: {
      accept: async (accepted) => {
        await meanwhile();
        return acceptance.accept(accepted);
      },
    },
  });
}

const waiting = () =>
  (changes.ledger?.view().list({ key: 'm', limit: 100 }).records ?? []).filter(isPending).map(({ id }) => id);

test.each([
  ['numbers that are the same', 0, 0],
  ['a higher number in mind than who comes in between', MINUTE_MS, 0],
  ['a lower number in mind than who comes in between', 0, MINUTE_MS],
])('with %s one message waits in the end', async (_, aheadMs, otherAheadMs) => {
  let interruptions = 1;
  const other = processAhead(otherAheadMs);
  const api = processAhead(aheadMs, async () => {
    if (interruptions-- > 0) await other.replace(request('other'));
  });
  await expect(api.replace(request('own'))).resolves.toMatchObject({ replayed: false });
  expect(published).toBe(2);
  expect(waiting()).toEqual(['m:1001']);
});

test('who is always too late is told to try again, and has had nothing accepted', async () => {
  let contents = 0;
  const other = processAhead(0);
  const api = processAhead(0, () => other.replace(request(`other ${++contents}`)));
  await expect(api.replace(request('own'))).rejects.toBeInstanceOf(InProgressError);
  expect(published).toBe(contents);
  expect(waiting()).toHaveLength(1);
});

test('what waits is cancelled, though one before it is due and cannot be', async () => {
  const api = processAhead(0);
  await api.replace({ ...request('due'), dueAt: NOW });
  await expect(api.replace(request('later'))).resolves.toMatchObject({ tooLateForOther: true });
  await expect(api.cancelLatest('m', 'emails')).rejects.toThrow(/^The message "m:1000" was due at /);
  expect(waiting()).toEqual(['m:1000']);
});

test('once a message is accepted, no error says that nothing was', async () => {
  const api = processAhead(0);
  await api.replace(request('first'));
  before = (what) => {
    if ('kind' in what && what.kind === 'cancelled') throw new BrokerUnavailableError('Not reachable.');
  };
  const answer = api.replace(request('second'));
  await expect(answer).rejects.toBeInstanceOf(OutcomeUnknownError);
  await expect(answer).rejects.toMatchObject({
    message:
      'RabbitMQ has the message "m:1001", but the one before may be handled as well: Not reachable. Send the same again.',
  });
  expect(waiting()).toEqual(['m:1000', 'm:1001']);
  before = () => {};
  await expect(api.replace(request('second'))).resolves.toMatchObject({ id: 'm:1001', replayed: true });
  expect(waiting()).toEqual(['m:1001']);
});

test('an error that nobody has thought of is passed on as it is', async () => {
  const api = processAhead(0);
  await api.replace(request('first'));
  before = (what) => {
    if ('kind' in what && what.kind === 'cancelled') throw new TypeError('a defect');
  };
  await expect(api.replace(request('second'))).rejects.toThrow(new TypeError('a defect'));
});
