/**
 * Giving a waiting message another due time. The new delivery is confirmed before the old one is void: a crash between
 * the two can have it handled at the old time, or twice, and never not at all.
 */
import { LedgerOffError, OutcomeUnknownError, TooLateError } from '../errors';
import type { Ledger } from '../ledger/ledger';
import type { LedgerRecord } from '../ledger/record';
import { idDueAt, type Message } from '../message';
import type { Scheduler } from '../scheduler';
import { VERDICT_LEAD_MS } from '../verdicts/verdicts';
import { type ChangeOptions, inProgress, requireChangeable, untilChanged } from './cancellation';

/** A message that waits. */
export interface Waiting {
  /** In milliseconds since the epoch. */
  readonly dueAt: number;
  readonly status: 'scheduled' | 'due' | 'retrying';
}

/** Reschedules messages. All throw what Publisher.publish throws, and: */
export interface Rescheduling {
  /**
   * Moves a message to another time, earlier or later.
   *
   * @throws UnknownMessageError there is no such message
   * @throws TooLateError it is due in a moment, or has come to its end
   * @throws InProgressError other requests are changing it
   * @throws LedgerOffError there is no ledger
   */
  reschedule(id: string, dueAt: number): Promise<Waiting>;
  /** The same, to now; what is due in a moment, or due already, is left as it is. */
  runNow(id: string): Promise<Waiting>;
}

/** Options of createRescheduling. */
export interface ReschedulingOptions extends ChangeOptions {
  readonly scheduler: Pick<Scheduler, 'forward'>;
}

/** Reschedules by way of this ledger. */
export function createRescheduling(options: ReschedulingOptions): Rescheduling {
  const { ledger, scheduler, owed, clock, guardMs } = options;

  /** Undefined when somebody else has changed the message meanwhile, or it is not known yet here that somebody had. */
  async function moveOnce(record: LedgerRecord, dueAt: number, within: Ledger): Promise<Waiting | undefined> {
    const { id, to, attempt, delivery: from, dueAt: oldDueAt } = record;
    requireChangeable(record, clock(), guardMs);
    const message = await waitingMessage(record, within);
    const delivery = idDueAt(dueAt);
    const entry = { id, to, delivery, attempt, dueAt };
    const claim = await within.settle({ ...entry, kind: 'claimed', from, at: clock() });
    if (claim.effect === 'lost') return undefined;
    const moved = { ...message, dueAt, delivery, revision: claim.revision };
    await scheduler.forward(moved);
    const { effect } = await within.settle({ ...entry, kind: 'rescheduled', at: clock() }, moved);
    // Also where it was lost: then it is the new delivery that is void.
    await owed.give(id);
    if (effect === 'lost') throw inProgress(id);
    if (clock() > oldDueAt - VERDICT_LEAD_MS)
      throw new OutcomeUnknownError(
        `The message "${id}" is rescheduled, but RabbitMQ took so long that it may be handled at its old time as well.`,
      );
    return { dueAt, status: attempt === 1 ? 'scheduled' : 'retrying' };
  }

  const move = (id: string, dueAt: number, within: Ledger): Promise<Waiting> =>
    untilChanged(id, within, async () => moveOnce(await within.require(id), dueAt, within));

  return {
    async reschedule(id, dueAt) {
      if (!ledger) throw new LedgerOffError('Rescheduling');
      return move(id, Math.max(dueAt, clock()), ledger);
    },
    async runNow(id) {
      if (!ledger) throw new LedgerOffError('Running a message now');
      const { status, dueAt } = await ledger.require(id);
      const waits = status === 'scheduled' || status === 'due' || status === 'retrying';
      if (waits && dueAt - clock() < guardMs) return { dueAt, status };
      return move(id, clock(), ledger);
    },
  };
}

/** The message with its payload, which only the ledger has while it waits. */
async function waitingMessage({ id, offset }: LedgerRecord, within: Ledger): Promise<Message> {
  const message = offset === undefined ? undefined : await within.messageAt(offset, id);
  if (message) return message;
  throw new TooLateError(
    `The ledger has the content of the message "${id}" no longer; it stays as it is, and can only be cancelled.`,
  );
}
