/** What an API process changes messages with, on the broker of a world; several of them stand for several processes. */
import { type Acceptance, createAcceptance } from '../../src/changes/acceptance';
import { type Cancellation, createCancellation } from '../../src/changes/cancellation';
import { createOwedVerdicts } from '../../src/changes/owed-verdicts';
import { createReplacement, type Replacement } from '../../src/changes/replacement';
import { createRescheduling, type Rescheduling } from '../../src/changes/rescheduling';
import { systemClock as clock } from '../../src/clock';
import { followControl } from '../../src/control/control';
import { InProgressError } from '../../src/errors';
import { type Ledger, type LedgerOptions, openLedger } from '../../src/ledger/ledger';
import type { Verdicts } from '../../src/verdicts/verdicts';
import { eventually } from './eventually';
import type { World } from './world';

export interface Changes extends Acceptance, Cancellation, Rescheduling, Replacement {
  readonly ledger: Ledger;
  readonly verdicts: Verdicts;
  close(): Promise<void>;
}

/** Asks again for as long as it is told to try again, as its callers do. */
export async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof InProgressError)) throw error;
    }
  }
}

/** The guard of CANCEL_GUARD's default. */
export const GUARD_MS = 1_000;

let started = 0;

/** Starts one, and waits until it has read the ledger. */
export async function startChanges(world: World, options: Partial<LedgerOptions> = {}): Promise<Changes> {
  const { publisher, scheduler, log: logger, recorder } = world;
  const connection = await world.connect('api');
  const common = { connection, publisher, scheduler, clock, logger };
  const number = ++started;
  const control = await followControl({ ...common, consumerTag: `control of api ${number}` });
  const { verdicts } = control;
  const owed = createOwedVerdicts({ verdicts, clock, logger });
  let acceptance: Acceptance | undefined;
  const ledger = await openLedger({
    ...common,
    verdicts,
    limit: 100_000,
    idHoldMs: 86_400_000,
    consumerTag: `ledger of api ${number}`,
    onEntry: (entry, placed, record) => {
      owed.note(entry, placed, record);
      acceptance?.note(entry);
    },
    ...options,
  });
  await eventually(() => expect(ledger.caughtUp() && verdicts.caughtUp()).toBe(true));
  const parts = { scheduler, recorder, ledger, verdicts, owed, clock, guardMs: GUARD_MS };
  acceptance = createAcceptance(parts);
  const cancellation = createCancellation(parts);
  return {
    ...acceptance,
    ...cancellation,
    ...createReplacement({ ledger, acceptance, cancellation, clock }),
    ...createRescheduling(parts),
    ledger,
    verdicts,
    async close() {
      owed.close();
      await ledger.close();
      await control.close();
      await connection.close();
    },
  };
}
