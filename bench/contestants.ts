/** Who takes part where messages are put in and handled, without HTTP. */
import type { RunSettings } from './bench';
import type { Lab } from './lab';
import type { Broker } from './servers/broker';
import type { Fsync } from './servers/redis';
import type { Endpoint } from './techniques/technique';

/** One that takes part. */
export interface Contestant {
  readonly name: string;
  /** A place of its own for one turn, with nothing in it. */
  place(lab: Lab): Promise<Place>;
}

/** Where a contestant works. */
export interface Place {
  readonly endpoint: Endpoint;
  /** Takes it away again. */
  remove(): Promise<void>;
}

/** The product, with the ledger and without. */
export const OURS = 'Delay Broker';
export const OURS_WITHOUT_LEDGER = 'Delay Broker, LEDGER=off';
/** The floor under it, and the limit of what is possible. */
export const BARE = 'bare amqplib';
export const TIMERS = 'setTimeout';

/** BullMQ's name by how its Redis syncs. */
export const bullMqName = (fsync: Fsync): string => `BullMQ, ${fsync}`;

const NOTHING_TO_REMOVE = async () => {};

/**
 * The product.
 *
 * @param broker where; default the lab's one node
 */
export function oursOn(name: string, ledger: boolean, broker?: (lab: Lab) => Promise<Broker>): Contestant {
  return {
    name,
    async place(lab) {
      const { amqpUrl, remove } = await lab.world(await broker?.(lab));
      return { endpoint: { kind: 'ours', amqpUrl, ledger }, remove };
    },
  };
}

/** amqplib on the product's topology. */
export const bareAmqplib: Contestant = {
  name: BARE,
  async place(lab) {
    const { amqpUrl, remove } = await lab.world();
    return { endpoint: { kind: 'bare', amqpUrl }, remove };
  },
};

/** setTimeout in one process. */
export const timersAlone: Contestant = {
  name: TIMERS,
  place: async () => ({ endpoint: { kind: 'timers' }, remove: NOTHING_TO_REMOVE }),
};

/** BullMQ on a Redis that syncs so. */
export function bullMqOn(fsync: Fsync): Contestant {
  return {
    name: bullMqName(fsync),
    async place(lab) {
      const { port } = await lab.redis(fsync);
      return { endpoint: { kind: 'bullmq', port }, remove: NOTHING_TO_REMOVE };
    },
  };
}

/** BullMQ on both, or nobody where it cannot take part. */
export function peers(
  { peer }: RunSettings,
  fsyncs: readonly Fsync[] = ['everysec', 'always'],
): Contestant[] {
  return peer ? fsyncs.map(bullMqOn) : [];
}
