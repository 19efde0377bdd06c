/** Cancelling a message: whatever of it comes up is dropped. Nothing is taken out of a queue. */
import { type Clock, isoTime } from '../clock';
import { InProgressError, LedgerOffError, TooLateError, UnknownMessageError } from '../errors';
import type { Ledger } from '../ledger/ledger';
import type { LedgerRecord } from '../ledger/record';
import { dueAtOfId } from '../message';
import { FINAL } from '../verdicts/entry';
import { VERDICT_LEAD_MS, type Verdicts } from '../verdicts/verdicts';
import { LONGEST_DELAY_MS } from '../wheel';
import type { OwedVerdicts } from './owed-verdicts';

/** Cancels messages. */
export interface Cancellation {
  /**
   * Resolves once it is certain that the message will not be handled, at once if it had been cancelled before.
   *
   * @throws UnknownMessageError there is no such message
   * @throws TooLateError it is due in a moment, or was handled, or parked
   * @throws InProgressError it is being rescheduled at this moment
   * @throws what Publisher.publish throws; then it may be cancelled or not
   */
  cancel(id: string): Promise<void>;
}

/** What every change of a message needs. */
export interface ChangeOptions {
  /** None when it is switched off. */
  readonly ledger: Ledger | undefined;
  readonly owed: Pick<OwedVerdicts, 'give'>;
  readonly clock: Clock;
  /** What is due sooner, in milliseconds, is not changed. */
  readonly guardMs: number;
}

/** Options of createCancellation. Without a ledger only an id that this service has made can be cancelled, as it tells its due time. */
export interface CancellationOptions extends ChangeOptions {
  readonly verdicts: Pick<Verdicts, 'give'>;
}

/** Others may change the same message meanwhile; after so many of them it is given up. */
const TRIES = 5;
/** How long the next entry of the ledger is waited for before another try, in milliseconds. */
const LOOK_MS = 50;

/** Cancels by way of this ledger and these verdicts. */
export function createCancellation(options: CancellationOptions): Cancellation {
  const { ledger, verdicts, owed, clock, guardMs } = options;
  /** Noted as cancelled by this process, while it is not certain that the verdict comes in time. */
  const uncertain = new Set<string>();

  async function cancel(id: string): Promise<void> {
    if (!ledger) return cancelUnseen(id);
    await untilChanged(id, ledger, async () => {
      const record = await ledger.find(id);
      if (record) return (await isCancelled(record, ledger)) || undefined;
      if (ledger.isComplete()) throw new UnknownMessageError(id);
      await cancelUnseen(id);
      return true;
    });
  }

  /** False when somebody else has changed the message meanwhile. */
  async function isCancelled(record: LedgerRecord, within: Ledger): Promise<boolean> {
    const { id, to, status, delivery, attempt, dueAt } = record;
    if (status !== 'cancelled') {
      requireChangeable(record, clock(), guardMs);
      const entry = { kind: 'cancelled', id, to, delivery, attempt, dueAt, at: clock() } as const;
      uncertain.add(id);
      if ((await within.settle(entry)).effect === 'lost') {
        uncertain.delete(id);
        return false;
      }
    }
    await owed.give(id);
    // Who asks again gets no better answer than the first time.
    if (uncertain.has(id)) requireInTime(id, dueAt);
    uncertain.delete(id);
    return true;
  }

  /** A message that nothing is known of but its id, which tells when it is due. */
  async function cancelUnseen(id: string): Promise<void> {
    const dueAt = dueAtOfId(id);
    // Later than any message can be due: its verdict would be kept for ever.
    if (dueAt === undefined || dueAt - clock() > LONGEST_DELAY_MS) {
      if (!ledger && dueAt === undefined) throw new LedgerOffError('Cancelling by an id of your own');
      throw new UnknownMessageError(id, { complete: false });
    }
    requireTime(id, dueAt, clock(), guardMs);
    await verdicts.give(id, { revision: FINAL, valid: null, until: dueAt, voids: 1 });
    requireInTime(id, dueAt);
  }

  /** A confirm can take long, and then the message may be on its way to a handler. */
  function requireInTime(id: string, dueAt: number): void {
    if (clock() <= dueAt - VERDICT_LEAD_MS) return;
    throw new TooLateError(
      `RabbitMQ took so long that the message "${id}", due at ${isoTime(dueAt)}, may be handled all the same.`,
    );
  }

  return { cancel };
}

/**
 * Tries to change a message until no other request comes first.
 *
 * @param change undefined when another one has come first
 * @throws InProgressError others came first again and again
 */
export async function untilChanged<T>(
  id: string,
  ledger: Pick<Ledger, 'nextEntry'>,
  change: () => Promise<T | undefined>,
): Promise<T> {
  for (let tries = 0; tries < TRIES; tries++) {
    const changed = await change();
    if (changed !== undefined) return changed;
    await ledger.nextEntry(LOOK_MS);
  }
  throw inProgress(id);
}

/** For a request that another one has forestalled. */
export function inProgress(id: string): InProgressError {
  return new InProgressError(`The message "${id}" is being changed by another request. Try again.`);
}

/**
 * Makes sure that a message can still be changed.
 *
 * @throws TooLateError saying why not
 */
export function requireChangeable(record: LedgerRecord, now: number, guardMs: number): void {
  const { id, status, dueAt } = record;
  if (status === 'handled') throw new TooLateError(`The message "${id}" was handled.`);
  if (status === 'cancelled') throw new TooLateError(`The message "${id}" was cancelled.`);
  if (status === 'parked')
    throw new TooLateError(
      `The message "${id}" has failed for good; see /v1/parked/${record.to}, where it can be deleted or sent once more.`,
    );
  requireTime(id, dueAt, now, guardMs);
}

function requireTime(id: string, dueAt: number, now: number, guardMs: number): void {
  if (dueAt - now >= guardMs) return;
  const when =
    dueAt <= now ? `was due at ${isoTime(dueAt)}` : `is due at ${isoTime(dueAt)}, in less than ${guardMs} ms`;
  throw new TooLateError(`The message "${id}" ${when}.`);
}
