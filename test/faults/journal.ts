/** The journal of a scene, kept beside the system: what was promised, and what was seen to happen. */

/** A message that was promised to be handled. */
export interface Accepted {
  /** The number by which the scene knows it, whatever id it has. */
  readonly n: number;
  /** In milliseconds since the epoch, as the API answered. */
  readonly dueAt: number;
  /** When the answer came, by true time. */
  readonly acceptedAt: number;
  /** How far the API's clock was ahead of true time when it answered, in milliseconds; default not at all. */
  readonly clockAheadMs?: number;
}

/** When it is due by true time. */
export const trulyDueAt = ({ dueAt, clockAheadMs = 0 }: Accepted): number => dueAt - clockAheadMs;

/** An attempt of a handler, as its callee sees it. */
export interface Attempt {
  readonly n: number;
  /** By true time, which is that of the machine that the scene runs on. */
  readonly at: number;
  /** By the handler's own clock; default the same. */
  readonly handlersClock?: number;
  /** Whether it was answered that this is done. */
  readonly done: boolean;
}

/** Something broken on purpose, from when to when. */
export interface Fault {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Clocks being turned on purpose, from when to when. */
export interface Turn {
  readonly from: number;
  readonly to: number;
  /** How far ahead of true time they are afterwards, in milliseconds. */
  readonly aheadMs: number;
}

/** Everything that the judge needs to know. */
export interface Journal {
  readonly accepted: Accepted[];
  readonly attempts: Attempt[];
  /** Cancels that were answered 200. */
  readonly cancelled: Set<number>;
  /** Cancels of which nobody can say whether they count. */
  readonly perhapsCancelled: Set<number>;
  /** Found in a parked queue, or among what is unroutable. */
  readonly parked: Set<number>;
  /** For each thing found there that is no message of the scene's, the queue. */
  readonly strangers: string[];
  readonly faults: Fault[];
  readonly turns: Turn[];
}

/** An empty journal. */
export function createJournal(): Journal {
  return {
    accepted: [],
    attempts: [],
    cancelled: new Set(),
    perhapsCancelled: new Set(),
    parked: new Set(),
    strangers: [],
    faults: [],
    turns: [],
  };
}
