/**
 * How many orders a second `POST /submit-order` takes. Ours is a real API process; the peers are an express that answers and
 * does nothing, and one that puts each order into BullMQ. All get the same requests from wrk. Ours also makes sure that no order is
 * accepted twice, which neither of the others does.
 */
import { randomUUID } from 'node:crypto';
import type { Bench, RunSettings } from '../bench';
import { bullMqName, OURS, OURS_WITHOUT_LEDGER } from '../contestants';
import type { Lab } from '../lab';
import { load } from '../load/wrk';
import type { Comparison, Goal } from '../report/goals';
import type { Fsync } from '../servers/redis';
import { type Collection, createCollection, type Turn, takeTurns } from '../turns';
import { type Served, startApi } from './serving';

const EXPRESS = 'express alone';
const OURS_LOGGING = 'Delay Broker, each message logged';
const CONNECTIONS = 64;

interface Sizes {
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const FULL: Sizes = { seconds: 15, warmUpSeconds: 5 };
const SHORT: Sizes = { seconds: 3, warmUpSeconds: 2 };
const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);

/** One that takes orders. */
interface Contestant {
  readonly name: string;
  serve(lab: Lab): Promise<Served>;
}

export const accept: Bench = {
  name: 'accept',
  about: 'Orders accepted by POST /submit-order, over 64 connections.',
  inShort: true,
  peer: true,
  needs: 'wrk',
  settings: (run) => ({ ...sizesOf(run), connections: CONNECTIONS, orderIdCharacters: 128, processes: 1 }),
  async run(lab, run) {
    const collection = createCollection();
    const contestants = contestantsFor(run);
    await takeTurns({ contestants, rounds: run.rounds, collection, say: lab.say }, (contestant) =>
      measure(lab, contestant, sizesOf(run)),
    );
    return {
      series: collection.series(),
      comparisons: comparisonsOf(collection, run),
      axis: 'ms until the answer, 64 requests at a time',
    };
  },
};

function contestantsFor({ short, peer }: RunSettings): Contestant[] {
  const ours = { name: OURS, serve: (lab: Lab) => startApi(lab, {}) };
  const alone = { name: EXPRESS, serve: (lab: Lab) => startWeb(lab) };
  const queueing = (fsync: Fsync) => ({
    name: `express + ${bullMqName(fsync)}`,
    serve: async (lab: Lab) => startWeb(lab, (await lab.redis(fsync)).port),
  });
  if (short) return [ours, ...(peer ? [queueing('everysec')] : [alone])];
  return [
    ours,
    { name: OURS_WITHOUT_LEDGER, serve: (lab) => startApi(lab, { LEDGER: 'off' }) },
    { name: OURS_LOGGING, serve: (lab) => startApi(lab, { LOG_LEVEL: 'info', LOG_SAMPLE: '1' }) },
    alone,
    ...(peer ? [queueing('everysec'), queueing('always')] : []),
  ];
}

/** A server of programs/web. */
async function startWeb(lab: Lab, redisPort?: number): Promise<Served> {
  const program = lab.start('web');
  const url = await program.ask<string>('open', { ...(redisPort !== undefined && { redisPort }) });
  return { url, end: program.end };
}

async function measure(lab: Lab, contestant: Contestant, { seconds, warmUpSeconds }: Sizes): Promise<Turn> {
  const { url, end } = await contestant.serve(lab);
  const send = (forSeconds: number) =>
    load({
      url: `${url}/submit-order`,
      connections: CONNECTIONS,
      seconds: forSeconds,
      body: { orderPrefix: `${randomUUID()}-` },
    });
  await send(warmUpSeconds);
  const { requestsPerSecond, latency } = await send(seconds);
  await end();
  const at = (percent: number) => latency.values[latency.percents.indexOf(percent)] ?? Number.NaN;
  return {
    figures: { 'orders/s': requestsPerSecond, 'p50 ms': at(50), 'p99 ms': at(99) },
    distribution: latency,
  };
}

function comparisonsOf(collection: Collection, { short, peer }: RunSettings): Comparison[] {
  const rate = (name: string) => collection.median(name, '', 'orders/s');
  const beside = (name: string, bound: number | undefined): Comparison => ({
    name: 'orders accepted',
    unit: '/s',
    ours: rate(OURS),
    peer: { name, value: rate(name) },
    ...(bound !== undefined && { goal: { of: 'ratio', is: 'at least', bound } satisfies Goal }),
  });
  const queueing = (fsync: Fsync) => `express + ${bullMqName(fsync)}`;
  if (short) return [peer ? beside(queueing('everysec'), 0.3) : beside(EXPRESS, 0.15)];
  return [
    ...(peer ? [beside(queueing('always'), 1.2), beside(queueing('everysec'), 1)] : []),
    beside(EXPRESS, undefined),
  ];
}
