/** What routes are made of: the parts that they share, and the form that app.ts serves. */
import type { RequestHandler } from 'express';
import type { Clock } from '../clock';
import type { ParkingLot } from '../parking-lot';
import type { Scheduler } from '../scheduler';

/** What the routes work with; each takes what it needs of it. */
export interface RouteOptions {
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  /** Names of the mail templates. */
  readonly templateNames: readonly string[];
  readonly parkingLot: ParkingLot;
}

/** Handlers by method, by path. */
export type Routes = Readonly<
  Record<string, Partial<Readonly<Record<'get' | 'post' | 'delete', RequestHandler>>>>
>;
