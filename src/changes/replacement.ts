/**
 * Messages of which the latest request counts: whoever asks for one by the same name replaces the one before.
 *
 * Each request that differs from the latest makes a message of its own, whose id is the name and a number. It is confirmed
 * before those with lower numbers are cancelled, so a crash between the two leaves both, never none, and the same request
 * sent again finds its message and cancels what is left. The ledger accepts an id once, whichever process is asked; so it
 * decides who has a number, and whoever comes second takes the next one.
 *
 * Why it is no rescheduling: that keeps content and attempts, and cannot bring back what was handled. Why a number and no
 * digest of the request: what is moved away and back is asked for a second time, and has to be handled then.
 */
import { IdTakenError, InProgressError, TooLateError, UnknownMessageError } from '../errors';
import type { Ledger } from '../ledger/ledger';
import { isPending, type LedgerRecord } from '../ledger/record';
import type { Acceptance, Accepted, AcceptRequest } from './acceptance';
import type { Cancellation } from './cancellation';

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

/** Replaces messages. Both throw what Publisher.publish throws, and what Ledger.find does. */
export interface Replacement {
  /**
   * Resolves once RabbitMQ has the message and those before it are certain not to be handled, but for what is due in a
   * moment. The latest request once more makes no message, unless it has been cancelled. After an error the same request
   * may be sent again.
   *
   * @throws InProgressError others are replacing it, or changing the one before
   */
  replace(request: ReplaceRequest): Promise<Replaced>;
  /**
   * Resolves with the id of the latest message once it is certain that none of them will be handled, at once if it had
   * been cancelled before.
   *
   * @param to the target of the messages
   * @throws UnknownMessageError there is none of this name
   * @throws TooLateError it is due in a moment, or was handled, or parked
   * @throws InProgressError another request is changing it
   */
  cancelLatest(name: string, to: string): Promise<string>;
}

/** Options of createReplacement. */
export interface ReplacementOptions {
  readonly ledger: Pick<Ledger, 'view' | 'find' | 'isComplete'>;
  readonly acceptance: Pick<Acceptance, 'accept'>;
  readonly cancellation: Cancellation;
}

/** One of the messages with a name, as it was when it was looked for. */
interface Version extends Pick<LedgerRecord, 'id' | 'status' | 'firstDueAt' | 'fingerprint'> {
  readonly number: number;
}

/** Others may replace the same meanwhile; after so many of them it is given up. */
const TRIES = 5;

/** Replaces by way of this ledger. */
export function createReplacement({ ledger, acceptance, cancellation }: ReplacementOptions): Replacement {
  /** What there is of a name, in order, and the next id: all that was confirmed before has been read when nobody has it. */
  async function lookFor(name: string, to: string): Promise<{ versions: Version[]; nextId: string }> {
    const known = () =>
      versionsOf(name, ledger.view().list({ key: name, to, limit: Number.POSITIVE_INFINITY }).records);
    const highest = () => known().at(-1)?.number ?? 0;
    let number = 0;
    // Also past an id that somebody has chosen for something else.
    do number = Math.max(number, highest()) + 1;
    while ((await ledger.find(idOf(name, number))) || highest() >= number);
    return { versions: known(), nextId: idOf(name, number) };
  }

  /** Undefined when another request has this id. */
  async function add(id: string, { name, fingerprint, ...request }: ReplaceRequest) {
    try {
      const accepted = await acceptance.accept({ ...request, key: name, own: { id, fingerprint } });
      // Two processes can accept an id at the same instant; then one of the two messages is void.
      const record = await ledger.find(id);
      return record && record.fingerprint !== fingerprint ? undefined : accepted;
    } catch (error) {
      if (error instanceof IdTakenError) return undefined;
      throw error;
    }
  }

  /** False for what is handled, or may be. */
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

  return {
    async replace(request) {
      const { name, to, fingerprint } = request;
      for (let tries = 0; tries < TRIES; tries++) {
        const { versions, nextId } = await lookFor(name, to);
        const latest = versions.at(-1);
        const same = latest && latest.fingerprint === fingerprint && latest.status !== 'cancelled';
        const accepted = same
          ? { id: latest.id, dueAt: latest.firstDueAt, replayed: true }
          : await add(nextId, request);
        if (!accepted) continue;
        const others = versions.filter((version) => isPending(version) && version.id !== accepted.id);
        const cancelled = await Promise.all(others.map(({ id }) => isCancelled(id)));
        return { ...accepted, tooLateForOther: cancelled.includes(false) };
      }
      throw new InProgressError(`What "${name}" names is being replaced by other requests. Try again.`);
    },
    async cancelLatest(name, to) {
      const { versions, nextId } = await lookFor(name, to);
      const latest = versions.at(-1);
      if (!latest) throw new UnknownMessageError(nextId, { complete: ledger.isComplete() });
      // One before it still waits where whoever replaced it died before that was cancelled.
      const others = versions.filter((version) => isPending(version) && version !== latest);
      await Promise.all([latest, ...others].map(({ id }) => cancellation.cancel(id)));
      return latest.id;
    },
  };
}

const idOf = (name: string, number: number) => `${name}:${number}`;

/** Those of records with a name that are numbered, in order; whoever chooses keys may have chosen the same. */
export function versionsOf(name: string, records: readonly LedgerRecord[]): Version[] {
  return records
    .map(({ id, status, firstDueAt, fingerprint }) => {
      const number = id.startsWith(`${name}:`)
        ? Number(/^[1-9]\d{0,14}$/.exec(id.slice(name.length + 1)))
        : 0;
      return { id, status, firstDueAt, fingerprint, number };
    })
    .filter(({ number }) => number > 0)
    .sort((a, b) => a.number - b.number);
}
