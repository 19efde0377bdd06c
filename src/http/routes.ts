/** What routes are made of: the parts that they share, and the form that app.ts serves. */
import type { RequestHandler } from 'express';
import type { Acceptance } from '../changes/acceptance';
import type { Cancellation } from '../changes/cancellation';
import type { Replacement } from '../changes/replacement';
import type { Rescheduling } from '../changes/rescheduling';
import type { Clock } from '../clock';
import { LedgerOffError } from '../errors';
import type { Ledger } from '../ledger/ledger';
import type { ParkingLot } from '../parking-lot';
import type { Reporter } from '../reports/report';
import type { Schedules } from '../schedules/schedules';

/** What the routes work with; each takes what it needs of it. */
export interface RouteOptions {
  readonly acceptance: Acceptance;
  readonly cancellation: Cancellation;
  readonly rescheduling: Rescheduling;
  /** None when there is no ledger. */
  readonly replacement: Replacement | undefined;
  /** None when it is switched off. */
  readonly ledger: Pick<Ledger, 'view' | 'find' | 'require' | 'isComplete'> | undefined;
  /** None without a ledger. */
  readonly reporter: Reporter | undefined;
  readonly clock: Clock;
  /** Names of the mail templates. */
  readonly templateNames: readonly string[];
  readonly parkingLot: ParkingLot;
  readonly schedules: Pick<Schedules, 'known' | 'get' | 'all' | 'put' | 'remove'>;
}

/** The methods that routes may have, in the order in which they are named. */
export const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Handlers by method, by path. */
export type Routes = Readonly<
  Record<
    string,
    Partial<Readonly<Record<(typeof METHODS)[number], RequestHandler>>> & {
      /** Reads the body of a request; default body.ts's jsonBody. */
      readonly readBody?: RequestHandler[];
    }
  >
>;

/**
 * The ledger, or what is made from it, where there is one.
 *
 * @param what what needs it, to begin a sentence with
 * @throws LedgerOffError where it is switched off
 */
export function requireLedger<Needed extends object>(ledger: Needed | undefined, what: string): Needed {
  if (ledger) return ledger;
  throw new LedgerOffError(what);
}
