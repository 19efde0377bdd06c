/** Ledger and verdicts without a broker: what is written is read at once, and a clock that stands still does no harm. */

import type { StreamEntry } from '../src/amqp/stream';
import { createAcceptance } from '../src/changes/acceptance';
import { createCancellation } from '../src/changes/cancellation';
import { createOwedVerdicts } from '../src/changes/owed-verdicts';
import { createReplacement } from '../src/changes/replacement';
import { createRescheduling } from '../src/changes/rescheduling';
import type { Clock } from '../src/clock';
import { UnknownMessageError } from '../src/errors';
import { encodeEntry, hasMessage, type LedgerEntry } from '../src/ledger/entry';
import { createExtent } from '../src/ledger/extent';
import type { Ledger, Placed } from '../src/ledger/ledger';
import type { Recorder } from '../src/ledger/recorder';
import { createRevisions } from '../src/ledger/revisions';
import { createLedgerView } from '../src/ledger/view';
import type { Message } from '../src/message';
import { type ReadLedger, reporterBeside } from '../src/reports/report';
import type { Scheduler } from '../src/scheduler';
import { messageKey, type Verdict } from '../src/verdicts/entry';
import { createVerdictMemory } from '../src/verdicts/memory';
import { recordedLog } from './broker/world';

/** All that changing messages needs, in memory. */
export function createMemoryLedger({
  clock,
  limit = 1_000,
  idHoldMs = 86_400_000,
  before = () => {},
}: {
  clock: Clock;
  limit?: number;
  idHoldMs?: number;
  /** Runs in the broker's place before anything is written, and can throw. */
  before?: (what: LedgerEntry | Verdict) => void | Promise<void>;
}) {
  let onEntry: ((entry: LedgerEntry) => void) | undefined;
  const view = createLedgerView({ limit, idHoldMs, clock });
  const memory = createVerdictMemory(clock);
  const revisions = createRevisions(memory.highestRevision);
  const messages: (Message | undefined)[] = [];
  const entries: LedgerEntry[] = [];

  const verdicts = {
    given: [] as Verdict[],
    caughtUp: () => true,
    revisionOf: (id: string) => memory.revisionOf(messageKey(id)),
    isVoid: ({ id, delivery, revision }: Pick<Message, 'id' | 'delivery' | 'revision'>) =>
      memory.isVoid(messageKey(id), delivery, revision),
    async give(id: string, ruling: Omit<Verdict, 'message'>) {
      const verdict = { message: messageKey(id), ...ruling };
      await before(verdict);
      verdicts.given.push(verdict);
      memory.note({ kind: 'verdict', ...verdict }, clock());
    },
  };
  const owed = createOwedVerdicts({ verdicts, clock, logger: recordedLog() });

  const write = async (entry: LedgerEntry, message?: Message): Promise<Placed> => {
    await before(entry);
    const offset = entries.push(entry) - 1;
    messages[offset] = message;
    const placed = { effect: view.apply(entry, offset), offset, revision: revisions.next(entry, offset) };
    owed.note(entry, placed, view.get(entry.id));
    onEntry?.(entry);
    return placed;
  };
  const ledger: Ledger = {
    view: () => view,
    settle: write,
    messageAt: async (offset) => {
      const entry = entries[offset];
      return entry && hasMessage(entry) ? messages[offset] : undefined;
    },
    find: async (id) => view.get(id),
    async require(id) {
      const record = view.get(id);
      if (record) return record;
      throw new UnknownMessageError(id, { complete: ledger.isComplete() });
    },
    extent: createExtent(),
    isComplete: () => view.evicted() === 0,
    caughtUp: () => true,
    nextEntry: async () => {},
    close: async () => {},
  };
  const recorder: Recorder = {
    record: async (entry, message) => void (await write(entry, message)),
    backlog: () => 0,
    drain: async () => true,
  };
  const read: ReadLedger = async ({ onEntry }) => {
    entries.forEach((entry, offset) => {
      onEntry({ offset, ...encodeEntry(entry, messages[offset]) } as unknown as StreamEntry);
    });
    return { isCut: false };
  };
  return {
    ...{ ledger, recorder, verdicts, owed, entries, reporter: reporterBeside(ledger, { read, clock }) },
    /** Has this told of each entry. */
    tell: (listener: (entry: LedgerEntry) => void) => {
      onEntry = listener;
    },
  };
}

/** What the API changes messages with, on such a ledger. */
export function createMemoryChanges({
  scheduler,
  ledgerOff = false,
  ...options
}: Parameters<typeof createMemoryLedger>[0] & { scheduler: Scheduler; ledgerOff?: boolean }) {
  const { clock } = options;
  const memory = createMemoryLedger(options);
  const ledger = ledgerOff ? undefined : memory.ledger;
  const parts = { ...memory, ledger, scheduler, clock, guardMs: 1_000 };
  const acceptance = createAcceptance(parts);
  memory.tell(acceptance.note);
  const cancellation = createCancellation(parts);
  return {
    memory,
    changes: {
      ...{ ledger, acceptance, cancellation },
      reporter: ledger && memory.reporter,
      rescheduling: createRescheduling(parts),
      replacement: ledger && createReplacement({ ledger, acceptance, cancellation, clock }),
    },
  };
}
