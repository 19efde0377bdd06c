/**
 * Messages a second in batches of 500. Ours come by HTTP, are checked one by one and answered one by one; the peers put the same
 * messages in from within their own process.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, RunSettings } from '../bench';
import {
  BARE,
  bareAmqplib,
  bullMqName,
  type Contestant,
  OURS,
  OURS_WITHOUT_LEDGER,
  peers,
} from '../contestants';
import type { Lab } from '../lab';
import { load } from '../load/wrk';
import { createRandom } from '../random';
import type { Comparison, Goal } from '../report/goals';
import { payloadOf } from '../techniques/technique';
import { type Collection, createCollection, type Turn, takeTurns } from '../turns';
import { startApi } from './serving';

/** Messages in each request, and requests on their way at once. */
const BATCH = 500;
const BATCHES = 4;
const DELAYS = { leastMs: 60_000, mostMs: 3_600_000, seed: 1 };

interface Sizes {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** How many the peers put in. */
  readonly messages: number;
}

const FULL: Sizes = { seconds: 20, warmUpSeconds: 5, messages: 50_000 };
const SHORT: Sizes = { seconds: 10, warmUpSeconds: 6, messages: 4_000 };
const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);

interface Party {
  readonly name: string;
  measure(lab: Lab, sizes: Sizes): Promise<Turn>;
}

export const batch: Bench = {
  name: 'batch',
  about: 'Messages accepted in batches of 500.',
  inShort: false,
  peer: true,
  needs: 'wrk',
  settings: (run) => ({
    ...sizesOf(run),
    batch: BATCH,
    batchesAtOnce: BATCHES,
    delays: DELAYS,
    payloadBytes: 200,
  }),
  async run(lab, run) {
    const collection = createCollection();
    const contestants: Party[] = [
      { name: OURS, measure: (at, sizes) => measureOurs(at, 'on', sizes) },
      { name: OURS_WITHOUT_LEDGER, measure: (at, sizes) => measureOurs(at, 'off', sizes) },
      ...[bareAmqplib, ...peers(run)].map((peer) => ({
        name: peer.name,
        measure: (at: Lab, sizes: Sizes) => measurePeer(at, peer, sizes),
      })),
    ];
    await takeTurns({ contestants, rounds: run.rounds, collection, say: lab.say }, (contestant) =>
      contestant.measure(lab, sizesOf(run)),
    );
    return {
      series: collection.series(),
      comparisons: comparisonsOf(collection, run),
      axis: 'ms for a batch of 500, 4 at a time',
    };
  },
};

async function measureOurs(lab: Lab, ledger: 'on' | 'off', { seconds, warmUpSeconds }: Sizes): Promise<Turn> {
  const file = join(lab.folder, 'batch.json');
  writeFileSync(file, JSON.stringify(batchBody()));
  const { url, end } = await startApi(lab, { LEDGER: ledger });
  const send = (forSeconds: number) =>
    load({ url: `${url}/v1/messages/batch`, connections: BATCHES, seconds: forSeconds, body: { file } });
  await send(warmUpSeconds);
  const { requestsPerSecond, acceptedPerSecond, latency } = await send(seconds);
  await end();
  return {
    figures: {
      'messages/s': acceptedPerSecond,
      'refused/s': Math.max(0, requestsPerSecond * BATCH - acceptedPerSecond),
    },
    distribution: latency,
  };
}

function batchBody() {
  const random = createRandom(DELAYS.seed);
  const { leastMs, mostMs } = DELAYS;
  return Array.from({ length: BATCH }, (_, n) => ({
    to: 'webhooks',
    payload: payloadOf(n),
    delay_ms: leastMs + Math.floor(random() * (mostMs - leastMs)),
  }));
}

async function measurePeer(lab: Lab, peer: Contestant, { messages, warmUpSeconds }: Sizes): Promise<Turn> {
  const place = await peer.place(lab);
  const sender = lab.start('party');
  await sender.ask('openSender', { endpoint: place.endpoint, attempts: 10, handlers: 1 });
  const fill = (count: number) =>
    sender.ask<{ accepted: number; refused: number; tookMs: number; callsMs: Float64Array }>('fill', {
      ...{ count, window: BATCHES * BATCH, chunk: BATCH, due: DELAYS },
    });
  await fill(warmUpSeconds * BATCHES * BATCH);
  const { accepted, refused, tookMs, callsMs } = await fill(messages);
  await sender.end();
  await place.remove();
  const perSecond = (count: number) => count / (tookMs / 1_000);
  return {
    figures: { 'messages/s': perSecond(accepted), 'refused/s': perSecond(refused) },
    samples: callsMs,
  };
}

function comparisonsOf(collection: Collection, { peer }: RunSettings): Comparison[] {
  const rate = (name: string) => collection.median(name, '', 'messages/s');
  const beside = (ours: string, name: string, bound?: number): Comparison => ({
    name: ours === OURS ? 'with the ledger' : 'without the ledger',
    unit: '/s',
    ours: rate(ours),
    peer: { name, value: rate(name) },
    ...(bound !== undefined && { goal: { of: 'ratio', is: 'at least', bound } satisfies Goal }),
  });
  return [OURS, OURS_WITHOUT_LEDGER].flatMap((ours) => [
    beside(ours, BARE, 0.8),
    ...(peer ? [beside(ours, bullMqName('everysec'), 1), beside(ours, bullMqName('always'))] : []),
  ]);
}
