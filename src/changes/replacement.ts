/**
 * Messages of which the latest request counts: whoever asks for one by the same name replaces the one before.
 *
 * Each request that differs from the latest makes a message of its own, whose id is the name and a number that grows. It
 * is confirmed before those with lower numbers are cancelled, so a crash between the two leaves both, never none; the same
 * request sent again finds its message and cancels what is left. The ledger accepts an id once, so it decides between
 * two processes that have the same number in mind; where their numbers differ, whoever reads both cancels the lower one.
 *
 * Why it is no rescheduling: that keeps content and attempts, and cannot bring back what was handled. Why a number and no
 * digest of the request: what is moved away and back is asked for a second time, and has to be handled then.
 */
import type { Clock } from '../clock';
import {
  DelayBrokerError,
  IdTakenError,
  InProgressError,
  OutcomeUnknownError,
  TooLateError,
  UnknownMessageError,
} from '../errors';
import type { Ledger } from '../ledger/ledger';
import { isPending } from '../ledger/record';
import type { Acceptance, Accepted, AcceptRequest } from './acceptance';
import type { Cancellation } from './cancellation';
import { lookForVersions, type Version, versionId } from './versions';

/** What a caller wants handled in place of what it wanted before. */
export interface ReplaceRequest extends Omit<AcceptRequest, 'key' | 'own'> {
  /** What the messages have in common, at most 112 characters: the beginning of their ids, and the key to list them by. */
  readonly name: string;
  /** A digest of all that the request asks for. */
  readonly fingerprint: string;
}

/** The message that counts from now on. */
export interface Replaced extends Accepted {
  /** One before it was due, or about to be, and may be handled as well. */
  readonly tooLateForOther: boolean;
}

/** Replaces messages. Both throw what Publisher.publish and Ledger.find throw, and: */
export interface Replacement {
  /**
   * Resolves once RabbitMQ has the message and those before it are certain not to be handled, but for what is due in a
   * moment. The latest request once more makes no message, unless it has been cancelled. After an error the same request
   * may be sent again.
   *
   * @throws InProgressError others are replacing it, and nothing has come of this request
   * @throws OutcomeUnknownError also where RabbitMQ has the message, and one before could not be cancelled
   */
  replace(request: ReplaceRequest): Promise<Replaced>;
  /**
   * Resolves with the id of the latest message once it is certain that none of them will be handled, at once if it had
   * been cancelled before.
   *
   * @param to the target of the messages
   * @throws UnknownMessageError there is none of this name
   * @throws TooLateError one is due in a moment, or the latest was handled, or parked; those that could be are cancelled
   * @throws InProgressError another request is changing one
   */
  cancelLatest(name: string, to: string): Promise<string>;
}

/** Options of createReplacement. */
export interface ReplacementOptions {
  readonly ledger: Pick<Ledger, 'view' | 'find' | 'isComplete'>;
  readonly acceptance: Pick<Acceptance, 'accept'>;
  readonly cancellation: Cancellation;
  readonly clock: Clock;
}

/** Others may replace the same meanwhile; after so many of them it is given up. */
const TRIES = 5;

/** Replaces by way of this ledger. */
export function createReplacement(options: ReplacementOptions): Replacement {
  const { ledger, acceptance, cancellation, clock } = options;

  const lookFor = (name: string, to: string) => lookForVersions({ ledger, clock, name, to });

  /** Undefined when another request has this number. */
  async function add(number: number, { name, fingerprint, ...request }: ReplaceRequest) {
    const id = versionId(name, number);
    try {
      return await acceptance.accept({ ...request, key: name, own: { id, fingerprint } });
    } catch (error) {
      if (error instanceof IdTakenError) return undefined;
      throw error;
    }
  }

  /** Cancels those that still wait; false when one of them was handled, or may be. */
  async function cancelBelow(number: number, versions: readonly Version[]): Promise<boolean> {
    const others = versions.filter((version) => isPending(version) && version.number < number);
    const inTime = await Promise.all(others.map(({ id }) => isCancelled(id)));
    return !inTime.includes(false);
  }

  async function isCancelled(id: string): Promise<boolean> {
    try {
      await cancellation.cancel(id);
      return true;
    } catch (error) {
      // Unknown: it had to make room in the view, and nothing can be done about it.
      if (error instanceof TooLateError || error instanceof UnknownMessageError) return false;
      throw error;
    }
  }

  /** Undefined when another process has accepted something else by this number: then this message is void. */
  async function addInPlaceOfOthers(number: number, request: ReplaceRequest): Promise<Replaced | undefined> {
    const { name, to, fingerprint } = request;
    const accepted = await add(number, request);
    if (!accepted) return undefined;
    return certain(accepted.id, async () => {
      const { versions } = await lookFor(name, to);
      const own = versions.find((version) => version.number === number);
      if (own && own.fingerprint !== fingerprint) return undefined;
      const highest = Math.max(number, versions.at(-1)?.number ?? 0);
      return { ...accepted, tooLateForOther: !(await cancelBelow(highest, versions)) };
    });
  }

  return {
    async replace(request) {
      const { name, to, fingerprint } = request;
      for (let tries = 0; tries < TRIES; tries++) {
        const { versions, next } = await lookFor(name, to);
        const latest = versions.at(-1);
        if (latest && latest.fingerprint === fingerprint && latest.status !== 'cancelled') {
          const { id, firstDueAt: dueAt, number } = latest;
          const inTime = await certain(id, () => cancelBelow(number, versions));
          return { id, dueAt, replayed: true, tooLateForOther: !inTime };
        }
        const replaced = await addInPlaceOfOthers(next, request);
        if (replaced) return replaced;
      }
      throw new InProgressError(`What "${name}" names is being replaced by other requests. Try again.`);
    },
    async cancelLatest(name, to) {
      const { versions } = await lookFor(name, to);
      const latest = versions.at(-1);
      if (!latest) throw new UnknownMessageError(name, { complete: ledger.isComplete() });
      // One before it still waits where whoever replaced it died before that was cancelled.
      const others = versions.filter((version) => isPending(version) && version !== latest);
      const ends = await Promise.allSettled([latest, ...others].map(({ id }) => cancellation.cancel(id)));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      return latest.id;
    },
  };
}

/** Runs what comes after a message was accepted: no error of that may say that nothing was. */
async function certain<T>(id: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof DelayBrokerError)) throw cause;
    throw new OutcomeUnknownError(
      `RabbitMQ has the message "${id}", but the one before may be handled as well: ${cause.message} Send the same again.`,
      { cause },
    );
  }
}
