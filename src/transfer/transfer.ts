/**
 * A transfer from one broker to another: first the streams, so that what was cancelled is known to be before any of it
 * arrives, then the messages, each for what is left until its due time.
 */
import type { BrokerConnection } from '../amqp/connection';
import type { Publisher } from '../amqp/publisher';
import { requireTopology } from '../bootstrap';
import type { Clock } from '../clock';
import type { Logger } from '../logger';
import { CONTROL, delayTopology, KEEPER, LEDGER } from '../topology';
import { processesOn, queuesOn, requireTwo } from './brokers';
import { controlCopy, ledgerCopy } from './entries';
import { type Left, type Move, moveMessages } from './move';
import { PLACES } from './places';
import type { Tally } from './progress';
import { copyStream, type StreamCopy } from './stream-copy';

/** Options of startTransfer. */
export interface TransferOptions {
  readonly from: BrokerConnection;
  readonly to: BrokerConnection;
  /** Publishes on `to`. */
  readonly publisher: Pick<Publisher, 'publish'>;
  /** The vhost of `from`, by which copies are told from those of another one. */
  readonly vhost: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A transfer under way. Each step resolves when it is over, or when the transfer is closed. */
export interface Transfer {
  /** Until all entries of the streams are copied. They are followed from then on. */
  streamsCopied(): Promise<void>;
  /** Begins to move messages, and goes on until no queue of the old broker has anything any more. */
  messagesMoved(): Promise<void>;
  /** How many processes of the service are connected to the old broker. */
  processesLeft(): Promise<number>;
  tally(): Promise<Tally>;
  /** Messages that cannot be moved. */
  left(): readonly Left[];
  close(): Promise<void>;
}

/**
 * Connects the two, and begins to copy the streams.
 *
 * @throws TopologyError when `to` lacks anything, or is `from`
 */
export async function startTransfer(options: TransferOptions): Promise<Transfer> {
  const { from, to, vhost } = options;
  await requireTwo(from, to);
  const there = await queuesOn(from);
  const here = await queuesOn(to);
  await requireTopology(to, delayTopology({ ledger: here.has(LEDGER) }));
  const source = `${from.cluster()}${vhost}`;
  const copies: StreamCopy[] = [];
  for (const [stream, copy] of [
    [CONTROL, controlCopy],
    [LEDGER, ledgerCopy],
  ] as const) {
    if (there.has(stream) && here.has(stream))
      copies.push(await copyStream({ ...options, stream, source, copy }));
  }
  let move: Move | undefined;
  return {
    async streamsCopied() {
      for (const copy of copies) await copy.caughtUp();
    },
    async messagesMoved() {
      move ??= await moveMessages({ ...options, places: PLACES.filter(({ queue }) => there.has(queue)) });
      await move.emptied();
    },
    processesLeft: async () => (there.has(KEEPER) ? processesOn(from) : 0),
    tally: async () => ({
      copied: Object.fromEntries(copies.map(({ stream, copied }) => [stream, copied()])),
      moved: move?.moved() ?? { pending: 0, parked: 0, unroutable: 0 },
      waiting: await move?.waiting(),
      left: move?.left().length ?? 0,
    }),
    left: () => move?.left() ?? [],
    async close() {
      await move?.close();
      for (const copy of copies) await copy.close();
    },
  };
}
