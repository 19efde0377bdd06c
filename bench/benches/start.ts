/** How long it takes until there is something to work with: a process, the topology, the ledger read again. */
import type { Bench, RunSettings } from '../bench';
import { OURS } from '../contestants';
import type { Lab } from '../lab';
import type { Comparison } from '../report/goals';
import { createEmptyWorld } from '../servers/broker';
import { type Collection, createCollection } from '../turns';
import { listeningAt, quietEnvironment } from './serving';

const COLD = 'start to ready';
const EMPTY = 'topology, empty broker';
const AGAIN = 'topology, all there';
const REPLAY = 'replay of the ledger';
const REPLAY_TOGETHER = 'replay of the ledger, ten entries in one';
/** So many entries are written as one where an API process accepts some thousands a second. */
const TOGETHER = 10;

interface Sizes {
  readonly ledgerEntries: number;
}

const FULL: Sizes = { ledgerEntries: 1_000_000 };
const SHORT: Sizes = { ledgerEntries: 20_000 };
const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);

export const start: Bench = {
  name: 'start',
  about: 'From starting a process to being ready.',
  inShort: false,
  peer: false,
  settings: (run) => ({ ...sizesOf(run), together: TOGETHER }),
  async run(lab, run) {
    const collection = createCollection();
    for (let round = 1; round <= run.rounds; round++) {
      await measureRound(lab, sizesOf(run), (asked, figures) => {
        collection.add(OURS, asked, { figures });
        lab.say(`round ${round}: ${asked}: ${JSON.stringify(figures)}`);
      });
    }
    return { series: collection.series(), comparisons: comparisonsOf(collection) };
  },
};

async function measureRound(
  lab: Lab,
  { ledgerEntries }: Sizes,
  note: (asked: string, figures: Record<string, number>) => void,
): Promise<void> {
  const { amqpUrl, remove } = await createEmptyWorld(await lab.broker());
  note(EMPTY, { s: await topologySeconds(lab, amqpUrl) });
  note(AGAIN, { s: await topologySeconds(lab, amqpUrl) });
  const coldS = await readySeconds(lab, amqpUrl, 'all');
  note(COLD, { s: coldS });
  await remove();
  for (const [asked, together] of [
    [REPLAY, 1],
    [REPLAY_TOGETHER, TOGETHER],
  ] as const) {
    const apiS = await replaySeconds(lab, ledgerEntries, together);
    // What it takes to start with an empty ledger is no part of reading it.
    note(asked, { s: apiS, 'entries/s': ledgerEntries / Math.max(apiS - coldS, 0.001) });
  }
}

async function replaySeconds(lab: Lab, entries: number, together: number): Promise<number> {
  const { amqpUrl, remove } = await createEmptyWorld(await lab.broker());
  await topologySeconds(lab, amqpUrl);
  const writer = lab.start('ledger-writer');
  await writer.ask('write', { amqpUrl, entries, together });
  await writer.end();
  const seconds = await readySeconds(lab, amqpUrl, 'api');
  await remove();
  return seconds;
}

async function topologySeconds(lab: Lab, amqpUrl: string): Promise<number> {
  const startedAt = performance.now();
  const code = await lab.startProduct(['dist/topology.js'], { AMQP_URL: amqpUrl }).exited;
  if (code !== 0) throw new Error(`dist/topology.js has ended with code ${code}.`);
  return secondsSince(startedAt);
}

async function readySeconds(lab: Lab, amqpUrl: string, role: 'all' | 'api'): Promise<number> {
  const startedAt = performance.now();
  const service = lab.startProduct(['dist/main.js', role], quietEnvironment(amqpUrl));
  await listeningAt(service);
  const seconds = secondsSince(startedAt);
  await service.end();
  return seconds;
}

const secondsSince = (startedAt: number) => (performance.now() - startedAt) / 1_000;

function comparisonsOf(collection: Collection): Comparison[] {
  const within = (asked: string, bound: number): Comparison => ({
    name: asked,
    unit: 's',
    ours: collection.median(OURS, asked, 's'),
    goal: { of: 'ours', is: 'at most', bound },
  });
  return [
    within(COLD, 3),
    within(EMPTY, 10),
    within(AGAIN, 3),
    ...[REPLAY, REPLAY_TOGETHER].map(
      (asked): Comparison => ({
        name: asked,
        unit: 'entries/s',
        ours: collection.median(OURS, asked, 'entries/s'),
        goal: { of: 'ours', is: 'at least', bound: 30_000 },
      }),
    ),
  ];
}
