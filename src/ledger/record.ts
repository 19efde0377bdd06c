/** What is known of one message, in as little memory as it takes: there may be a million of them. */
import type { LedgerEntry } from './entry';

/** All statuses; `due` is a `scheduled` whose time has come, which no entry says. */
export const STATUSES = ['scheduled', 'due', 'retrying', 'handled', 'parked', 'cancelled'] as const;

/** How far a message is. */
export type RecordStatus = (typeof STATUSES)[number];

/** Those of messages that are still to be handled. */
export const PENDING: readonly RecordStatus[] = ['scheduled', 'due', 'retrying'];

/** Those of messages that nothing more is to come of, unless somebody wants it. */
export const FINISHED: readonly RecordStatus[] = ['handled', 'parked', 'cancelled'];

/** A place in the order of what is due: by time, and by id where that is the same. */
export interface Place {
  /** In milliseconds since the epoch. */
  readonly dueAt: number;
  readonly id: string;
}

/** What is known of a message. */
export interface LedgerRecord extends Place {
  readonly to: string;
  readonly status: RecordStatus;
  /** Which attempt `dueAt` and `status` are about, from 1. */
  readonly attempt: number;
  /** The delivery that counts. */
  readonly delivery: string;
  /** Where the stream has the message as it is now; undefined while no entry with it was seen. */
  readonly offset: number | undefined;
  /** In milliseconds since the epoch; undefined while only what followed from the acceptance was seen. */
  readonly acceptedAt: number | undefined;
  /** When it was due as it was accepted, in milliseconds since the epoch; or as far back as is known. */
  readonly firstDueAt: number;
  readonly key: string | undefined;
  readonly fingerprint: string | undefined;
  /** Why the latest attempt failed, unless it was handled since. */
  readonly error: string | undefined;
  /** How many deliveries are known that do not count. */
  readonly voided: number;
  /** When the last of all its deliveries is due, in milliseconds since the epoch. */
  readonly latestDueAt: number;
  /** What happened to it, in short; see timelineOf. */
  readonly times: readonly number[];
}

/** A record's fields that change. */
export type RecordChange = {
  -readonly [Field in Exclude<keyof LedgerRecord, 'id' | 'to'>]?: LedgerRecord[Field];
};

/** Whether the message is still to be handled. */
export function isPending({ status }: Pick<LedgerRecord, 'status'>): boolean {
  return status === 'scheduled' || status === 'due' || status === 'retrying';
}
/**
 * A record in little memory: there may be a million. A time in a field takes 24 bytes, and 8 in an array with others;
 * only `dueAt`, by which everything is found, has a field. `declare`: fields that begin as undefined cost more.
 */
export class CompactRecord implements LedgerRecord {
  declare readonly id: string;
  declare readonly to: string;
  declare readonly status: RecordStatus;
  declare readonly dueAt: number;
  declare readonly attempt: number;
  declare readonly delivery: string;
  declare readonly offset: number | undefined;
  declare readonly key: string | undefined;
  declare readonly fingerprint: string | undefined;
  declare readonly error: string | undefined;
  declare readonly voided: number;
  /** Acceptance, first and latest due time, and then the events. */
  declare readonly times: number[];

  constructor(entry: LedgerEntry, offset: number | undefined, voided: number, times: number[]) {
    this.id = entry.id;
    this.to = entry.to;
    this.status = statusAfter(entry);
    this.dueAt = entry.dueAt;
    this.attempt = entry.attempt;
    this.delivery = shared(entry.delivery, entry.id);
    this.offset = offset;
    this.key = entry.key;
    this.fingerprint = entry.fingerprint;
    this.error = entry.error;
    this.voided = voided;
    this.times = times;
  }

  get acceptedAt(): number | undefined {
    const [at] = this.times;
    return Number.isNaN(at) ? undefined : at;
  }
  set acceptedAt(at: number) {
    this.times[0] = at;
  }
  get firstDueAt(): number {
    return this.times[1] as number;
  }
  set firstDueAt(dueAt: number) {
    this.times[1] = dueAt;
  }
  get latestDueAt(): number {
    return this.times[2] as number;
  }
  set latestDueAt(dueAt: number) {
    this.times[2] = dueAt;
  }
}

/** One string instead of two that are equal: most deliveries have their message's id for a name. */
export const shared = (delivery: string, id: string) => (delivery === id ? id : delivery);

/** How far a message is once this has happened. */
export function statusAfter({ kind, attempt }: LedgerEntry): RecordStatus {
  if (kind === 'handled' || kind === 'parked' || kind === 'cancelled') return kind;
  return attempt === 1 ? 'scheduled' : 'retrying';
}
