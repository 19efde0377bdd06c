/**
 * What waiting messages cost: how fast further ones are taken, and how much memory the broker has, with none, many and very many
 * pending. Ten million take an hour: `BACKLOG=10000000 npm run bench -- backlog`.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { managementRequest } from '../../dev/management';
import type { Bench, RunSettings } from '../bench';
import { OURS, oursOn, type Place } from '../contestants';
import type { Lab } from '../lab';
import type { Sent } from '../programs/sending';
import type { Broker } from '../servers/broker';
import { createCollection } from '../turns';

const DAY_MS = 86_400_000;
/** Whole days ahead, so that nothing moves on while it is looked at. */
const DUE = { leastMs: 2 * DAY_MS, mostMs: 30 * DAY_MS, seed: 1 };
const NONE = 0;

interface Sizes {
  readonly pending: readonly number[];
  /** How many are put in to see how fast: for some seconds, in which RabbitMQ also writes away what came before. */
  readonly probe: number;
  /** How long the broker is left alone before its memory is looked at. */
  readonly settleMs: number;
}

const most = Number(process.env.BACKLOG || 1_000_000);
const FULL: Sizes = { pending: [NONE, 100_000, most], probe: 50_000, settleMs: 15_000 };
const SHORT: Sizes = { pending: [NONE, 2_000], probe: 1_000, settleMs: 3_000 };
const sizesOf = ({ short }: RunSettings) => (short ? SHORT : FULL);
const caseOf = (pending: number) => `${pending.toLocaleString('en')} pending`;

export const backlog: Bench = {
  name: 'backlog',
  about: 'How fast messages are accepted, and the memory of RabbitMQ, with more and more pending.',
  inShort: false,
  peer: false,
  settings: (run) => ({ ...sizesOf(run), window: FILL.window, payloadBytes: 200, dueInDays: [2, 30] }),
  async run(lab, run) {
    const sizes = sizesOf(run);
    const collection = createCollection();
    for (let round = 1; round <= run.rounds; round++) {
      // What was deleted takes its time to be gone from a node's memory, so each round has a new one.
      const broker = await lab.freshBroker();
      for (const { pending, ...figures } of await measureRound(lab, broker, sizes)) {
        collection.add(OURS, caseOf(pending), { figures });
        lab.say(`round ${round}: ${caseOf(pending)}: ${JSON.stringify(figures)}`);
      }
      await broker.end();
    }
    const last = caseOf(sizes.pending.at(-1) ?? NONE);
    const at = (asked: string, figure: string) => collection.median(OURS, asked, figure);
    return {
      series: collection.series(),
      comparisons: [
        {
          name: `accepted with ${last}`,
          unit: '/s',
          ours: at(last, 'accepted/s'),
          peer: { name: 'with none pending', value: at(caseOf(NONE), 'accepted/s') },
          goal: { of: 'ratio', is: 'at least', bound: 0.95 },
        },
        {
          name: `memory for a message, ${last}`,
          unit: 'KB',
          ours: at(last, 'KB a message'),
          goal: { of: 'ours', is: 'at most', bound: 0.7 },
        },
      ],
    };
  },
};

const FILL = { window: 1_000, chunk: 250, due: DUE };

async function measureRound(lab: Lab, broker: Broker, { pending, probe, settleMs }: Sizes) {
  const place = await oursOn(OURS, true, async () => broker).place(lab);
  const sender = await openedSender(lab, place);
  const put = (count: number) => sender.ask<Sent>('fill', { ...FILL, count });
  // Compiled code and warm queues are no part of what is measured; these few count as none.
  await put(probe);
  let inIt = probe;
  const measured = [];
  let none: number | undefined;
  for (const level of pending) {
    if (level > inIt) {
      await put(level - inIt);
      inIt = level;
    }
    await sleep(settleMs);
    const { bytes, parts } = await memoryOf(broker);
    none ??= bytes;
    const { accepted, refused, tookMs } = await put(probe);
    inIt += probe;
    measured.push({
      pending: level,
      'accepted/s': accepted / (tookMs / 1_000),
      refused,
      'broker MB': bytes / 1e6,
      ...parts,
      ...(level > NONE && { 'KB a message': (bytes - none) / 1_000 / (level - probe) }),
    });
  }
  await sender.end();
  await place.remove();
  return measured;
}

async function openedSender(lab: Lab, { endpoint }: Place) {
  const sender = lab.start('party');
  await sender.ask('openSender', { endpoint, attempts: 10, handlers: 1 });
  return sender;
}

/** What a node's memory is used for, by RabbitMQ's names, in bytes; what grows here with the messages that wait. */
interface NodeMemory {
  /** Each queue's process: where its messages are in the log, and when they expire. */
  readonly quorum_queue_procs: number;
  /** What is in the write-ahead log, and the places in the log's segments. */
  readonly quorum_ets: number;
  readonly binary: number;
  /** Held by the Erlang VM for what comes next. */
  readonly allocated_unused: number;
}

/** The bytes as RabbitMQ reckons them, which is what its alarm goes by, and by the operating system where it does not tell; of what they consist, in MB. */
async function memoryOf({ managementUrl, pids }: Broker) {
  const [node] = (await managementRequest(managementUrl, 'GET', '/api/nodes')) as [NodeFigures];
  const { memory } = (await managementRequest(managementUrl, 'GET', `/api/nodes/${node.name}/memory`)) as {
    memory: NodeMemory;
  };
  const inMb = (bytes: number) => bytes / 1e6;
  return {
    bytes: node.mem_used ?? residentBytes(pids[0] ?? 0),
    parts: {
      'queue processes MB': inMb(memory.quorum_queue_procs),
      'log tables MB': inMb(memory.quorum_ets),
      'binaries MB': inMb(memory.binary),
      'allocated, unused MB': inMb(memory.allocated_unused),
    },
  };
}

interface NodeFigures {
  readonly name: string;
  readonly mem_used?: number;
}

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}
