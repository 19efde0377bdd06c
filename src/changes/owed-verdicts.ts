/**
 * The verdicts that follow from the ledger. Whoever makes a change gives its verdict at once; should it die in
 * between, every API process knows from the ledger what is owed, and one that finds it missing gives it.
 */
import type { Clock } from '../clock';
import { messageOf } from '../errors';
import type { LedgerEntry } from '../ledger/entry';
import type { Placed } from '../ledger/ledger';
import type { LedgerRecord } from '../ledger/record';
import type { Logger } from '../logger';
import type { Verdict } from '../verdicts/entry';
import type { Verdicts } from '../verdicts/verdicts';

/** A verdict, without whose it is. */
export type Owed = Omit<Verdict, 'message'>;

/** The verdicts owed. */
export interface OwedVerdicts {
  /** Takes note of an entry that has come up in the ledger; `record` is what is known of its message after it. */
  note(entry: LedgerEntry, placed: Placed, record: LedgerRecord | undefined): void;
  /**
   * Gives the verdict owed on a message, if there is one; resolves once it is confirmed.
   *
   * @throws what Publisher.publish throws; it is still owed then
   */
  give(id: string): Promise<void>;
  close(): void;
}

/** Options of createOwedVerdicts. */
export interface OwedVerdictsOptions {
  readonly verdicts: Pick<Verdicts, 'give' | 'revisionOf' | 'caughtUp'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Before a verdict is missed, in milliseconds: whoever made the change is about to give it, or it is about to be read. */
const GRACE_MS = 2_000;
const LOOK_EVERY_MS = 500;
/** What was due so long ago has been handled or dropped, in milliseconds. */
const OVER_MS = 3_600_000;

/** Nothing owed yet. */
export function createOwedVerdicts({ verdicts, clock, logger }: OwedVerdictsOptions): OwedVerdicts {
  const owed = new Map<string, { readonly verdict: Owed; readonly missedAt: number }>();

  const isGiven = (id: string, { revision }: Owed) =>
    (verdicts.revisionOf(id) ?? Number.NEGATIVE_INFINITY) >= revision;

  const isOver = ({ until }: Owed) => until < clock() - OVER_MS;

  const give = async (id: string) => {
    const debt = owed.get(id);
    if (!debt || isGiven(id, debt.verdict)) return;
    await verdicts.give(id, debt.verdict);
    // Owed until it is read: after a network between its nodes was silent, RabbitMQ 3.10 confirms what never gets into a stream.
    if (owed.get(id) === debt) owed.set(id, { ...debt, missedAt: clock() + GRACE_MS });
  };
  const look = () => {
    if (!verdicts.caughtUp()) return;
    for (const [id, { verdict, missedAt }] of owed) {
      if (isGiven(id, verdict) || isOver(verdict)) owed.delete(id);
      else if (missedAt <= clock())
        give(id).catch((error) => logger.debug('verdict still owed', { id, error: messageOf(error) }));
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();

  return {
    note(entry, placed, record) {
      const verdict = owedAfter(entry, placed, record);
      if (!verdict || isOver(verdict)) return;
      owed.set(entry.id, { verdict, missedAt: placed.effect === 'lost' ? 0 : clock() + GRACE_MS });
      if (placed.effect === 'lost') look();
    },
    give,
    close: () => clearInterval(timer),
  };
}

/** What an entry makes void; undefined when it is nothing. */
export function owedAfter(
  entry: LedgerEntry,
  { effect, revision }: Placed,
  record: LedgerRecord | undefined,
): Owed | undefined {
  if (!record) return undefined;
  const { kind } = entry;
  const cancelled = record.status === 'cancelled';
  const isChange = (kind === 'cancelled' || kind === 'rescheduled') && effect === 'taken';
  const isDuplicate = (kind === 'accepted' || kind === 'rescheduled') && effect === 'lost';
  if (!isChange && !isDuplicate) return undefined;
  return {
    revision,
    valid: cancelled ? null : record.delivery,
    until: Math.max(entry.dueAt, record.latestDueAt),
    voids: record.voided + (cancelled ? 1 : 0),
  };
}
