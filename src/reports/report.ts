/** The report on a period: what happened in it, and what is to come after it. */
import type { BrokerConnection } from '../amqp/connection';
import type { StreamEntry } from '../amqp/stream';
import { type PastOptions, type PastRead, readPast } from '../amqp/stream-past';
import type { Clock } from '../clock';
import { decodeEntries } from '../ledger/batch';
import type { Ledger } from '../ledger/ledger';
import type { LedgerView } from '../ledger/view';
import { TARGET_NAMES } from '../targets';
import type { Period } from '../time-zone';
import { LEDGER } from '../topology';
import { createTurns } from '../turns';
import { countPending, type Pending } from './pending';
import { createTally, type Sum } from './tally';

/** A report. */
export interface Report extends Sum {
  readonly period: Period;
  /** When it was made, in milliseconds since the epoch. */
  readonly madeAt: number;
  /** What is still to be handled, as it was made. */
  readonly pending: Pending;
  /** Whether the ledger still has all of the period. */
  readonly complete: boolean;
}

/** What a report is to be about. */
export interface ReportRequest {
  readonly period: Period;
  /** Leaves out other targets; default none. */
  readonly only?: readonly string[] | undefined;
  /** Gives it up when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes reports, one at a time: each reads as fast as it can. */
export interface Reporter {
  /** @throws BrokerUnavailableError when the ledger cannot be read for now */
  report(request: ReportRequest): Promise<Report>;
}

/** Reads the ledger, see readPast. */
export type ReadLedger = (options: Pick<PastOptions, 'since' | 'onEntry' | 'signal'>) => Promise<PastRead>;

/** Reads the ledger on this connection. */
export const readLedgerOn =
  (connection: BrokerConnection): ReadLedger =>
  (options) =>
    readPast({ connection, stream: LEDGER, ...options });

/** What a process knows of the messages that wait. */
interface Known {
  view(): Pick<LedgerView, 'list'>;
  /** Whether that is all there are. */
  isComplete(): boolean;
  /** Takes each entry of the ledger, from its first on; where there is none, the process follows the ledger anyway. */
  readonly learn?: LedgerView['apply'];
}

/** Options of a reporter. */
export interface ReporterOptions {
  readonly read: ReadLedger;
  readonly clock: Clock;
}

/** So far may the clock of whoever writes an entry be ahead of RabbitMQ's, in milliseconds. */
const CLOCKS_APART_MS = 60_000;

/** @param known called for each report */
function createReporter({ read, clock }: ReporterOptions, known: () => Known): Reporter {
  const inTurn = createTurns();

  async function make({ period, only, signal }: ReportRequest): Promise<Report> {
    signal?.throwIfAborted();
    const tally = createTally({ period, targets: TARGET_NAMES, only });
    const { view, isComplete, learn } = known();
    const onEntry = ({ offset, ...envelope }: StreamEntry) => {
      for (const { entry } of decodeEntries(envelope)) {
        tally.note(entry);
        learn?.(entry, offset);
      }
    };
    const since = learn ? undefined : Math.max(0, period.from - CLOCKS_APART_MS);
    const { isCut } = await read({ since, onEntry, signal });
    return {
      period,
      madeAt: clock(),
      ...tally.sum(),
      pending: await countPending(view(), period.to, only),
      complete: isComplete() && (!isCut || tally.sawEarlier()),
    };
  }

  return { report: (request) => inTurn('report', () => make(request)) };
}

/** A reporter of a process that follows the ledger: it reads only from the period's beginning on. */
export function reporterBeside(
  ledger: Pick<Ledger, 'view' | 'caughtUp'>,
  options: ReporterOptions,
): Reporter {
  return createReporter(options, () => ({ view: ledger.view, isComplete: ledger.caughtUp }));
}

/** A reporter of a process that does not: it reads all that the ledger has, into a view for the time being. */
export function reporterWithout(newView: () => LedgerView, options: ReporterOptions): Reporter {
  return createReporter(options, () => {
    const view = newView();
    return { view: () => view, isComplete: () => true, learn: view.apply };
  });
}
