/**
 * Accepting a message for later: put into the wheel first, noted in the ledger then, so that what the ledger says is
 * accepted is never lost. An id of the caller's is accepted once, whichever process is asked, and however often.
 */
import type { Clock } from '../clock';
import { IdTakenError, InProgressError, LedgerOffError, OutcomeUnknownError } from '../errors';
import { acceptedEntry, type LedgerEntry } from '../ledger/entry';
import type { Ledger } from '../ledger/ledger';
import type { Recorder } from '../ledger/recorder';
import { idDueAt, type Message } from '../message';
import type { ScheduleRequest, Scheduler } from '../scheduler';
import { createTurns } from '../turns';
import type { Verdicts } from '../verdicts/verdicts';

/** What a caller wants handled later. */
export interface AcceptRequest extends Omit<ScheduleRequest, 'id' | 'delivery' | 'revision'> {
  /** The caller's own label, to list by. */
  readonly key?: string | undefined;
  /** An id of the caller's, and a digest of all that the request asks for. */
  readonly own?: { readonly id: string; readonly fingerprint: string } | undefined;
}

/** A message that is accepted, now or before. */
export interface Accepted extends Pick<Message, 'id' | 'dueAt'> {
  /** The same request came before; this is its answer. */
  readonly replayed: boolean;
}

/** Accepts messages. */
export interface Acceptance {
  /**
   * Resolves once RabbitMQ has confirmed the message.
   *
   * @throws what Publisher.publish throws
   * @throws IdTakenError the id is that of a message with other content
   * @throws InProgressError the same id is being accepted elsewhere, and nothing has come of it yet
   * @throws LedgerOffError for an id of the caller's where there is no ledger
   */
  accept(request: AcceptRequest): Promise<Accepted>;
  /** Takes note of an entry that has come up in the ledger's view: that knows it from now on. */
  note(entry: LedgerEntry): void;
}

/** Options of createAcceptance. */
export interface AcceptanceOptions {
  readonly scheduler: Pick<Scheduler, 'schedule'>;
  readonly recorder: Recorder;
  /** None when it is switched off. */
  readonly ledger: Ledger | undefined;
  readonly verdicts: Pick<Verdicts, 'give' | 'revisionOf'>;
  readonly clock: Clock;
  /** What is due sooner, in milliseconds, cannot be made void in time. */
  readonly guardMs: number;
}

type OwnRequest = AcceptRequest & { readonly own: NonNullable<AcceptRequest['own']> };
/** By which delivery a message goes into the wheel. */
type Placement = Pick<ScheduleRequest, 'delivery' | 'revision'>;
type Known = Pick<Message, 'dueAt' | 'delivery'> & { readonly fingerprint?: string | undefined };

/** How often it is looked whether another process is done with an id, and how long each time. */
const LOOKS = 20;
const LOOK_MS = 50;
/** Ids remembered that the view may not have yet. */
const MOST_RECENT = 10_000;

/** Accepts into this wheel and this ledger. */
export function createAcceptance(options: AcceptanceOptions): Acceptance {
  const { scheduler, recorder, ledger, verdicts, clock, guardMs } = options;
  const inTurn = createTurns();
  /** Accepted here, and not in the view yet. */
  const recent = new Map<string, Known>();
  /** Claimed here without success so far: who tries again goes on with the same delivery. */
  const claims = new Map<string, string>();
  /** Perhaps in the wheel already, by a delivery that nobody knows of. */
  const uncertain = new Set<string>();

  async function accept(request: AcceptRequest): Promise<Accepted> {
    const { own } = request;
    if (!own) return accepted(request, await scheduler.schedule(request));
    if (!ledger) throw new LedgerOffError('An id of your own');
    return inTurn(own.id, () => acceptOnce({ ...request, own }, ledger));
  }

  async function acceptOnce(request: OwnRequest, within: Ledger): Promise<Accepted> {
    const { id } = request.own;
    for (let look = 0; look < LOOKS; look++) {
      const known = knownOf(id, within);
      if (known && (known.fingerprint !== undefined || look === LOOKS - 1)) return replay(request, known);
      const other = within.view().claimOf(id, clock());
      // How it ended may be known before its acceptance.
      if (known || (other && other.delivery !== claims.get(id))) await within.nextEntry(LOOK_MS);
      else if (canBeVoidedLater(request)) return await putIn(request, { delivery: idDueAt(request.dueAt) });
      else {
        const claimed = await claim(request, within);
        if (claimed) return await putIn(request, claimed);
      }
    }
    throw new InProgressError(`The id "${id}" is being accepted by another request. Try again.`);
  }

  function knownOf(id: string, within: Ledger): Known | undefined {
    const view = within.view();
    const record = view.isHeld(id, clock()) ? view.get(id) : undefined;
    return record ? { ...record, dueAt: record.firstDueAt } : recent.get(id);
  }

  /** Should another process accept the same id at this moment, the ledger's order decides, and there is time to void one. */
  function canBeVoidedLater({ dueAt, own: { id } }: OwnRequest): boolean {
    return dueAt - clock() > guardMs && verdicts.revisionOf(id) === undefined && !uncertain.has(id);
  }

  /** Asks the ledger first; undefined when another one was faster. */
  async function claim(request: OwnRequest, within: Ledger): Promise<Placement | undefined> {
    const { to, dueAt } = request;
    const { id } = request.own;
    const delivery = claims.get(id) ?? idDueAt(Math.max(dueAt, clock()));
    claims.set(id, delivery);
    const entry = { kind: 'claimed', id, to, delivery, attempt: 1, dueAt, at: clock() } as const;
    const { effect, revision } = await within.settle(entry);
    if (effect === 'lost') {
      claims.delete(id);
      return undefined;
    }
    if (uncertain.has(id)) await verdicts.give(id, { revision, valid: delivery, until: dueAt, voids: 1 });
    return { delivery, revision };
  }

  async function putIn(request: OwnRequest, placement: Placement): Promise<Accepted> {
    const { id, fingerprint } = request.own;
    try {
      const message = await scheduler.schedule({ ...request, id, ...placement });
      remember(id, { dueAt: message.dueAt, delivery: message.delivery, fingerprint });
      claims.delete(id);
      uncertain.delete(id);
      return accepted(request, message);
    } catch (error) {
      if (error instanceof OutcomeUnknownError) uncertain.add(id);
      throw error;
    }
  }

  async function accepted({ key, own }: AcceptRequest, message: Message): Promise<Accepted> {
    const { id, dueAt } = message;
    await recorder.record(acceptedEntry(message, { key, fingerprint: own?.fingerprint }), message);
    return { id, dueAt, replayed: false };
  }

  function remember(id: string, known: Known): void {
    recent.set(id, known);
    const [oldest] = recent.keys();
    if (recent.size > MOST_RECENT && oldest !== undefined) recent.delete(oldest);
  }

  return {
    accept,
    note({ kind, id, delivery }) {
      if (kind === 'accepted' && recent.get(id)?.delivery === delivery) recent.delete(id);
    },
  };
}

function replay({ own: { id, fingerprint } }: OwnRequest, known: Known): Accepted {
  if (known.fingerprint === fingerprint) return { id, dueAt: known.dueAt, replayed: true };
  throw new IdTakenError(`The id "${id}" is that of a message with other content.`);
}
