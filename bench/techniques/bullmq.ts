/**
 * BullMQ as its documentation has it: jobs with a delay, and a worker of as many at once. It is installed apart from the project
 * (bench/peer), so what is used of it is described here. Finished jobs are removed, which is faster than its default of keeping them.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PEER } from '../paths';
import type { ConsumerSettings, Endpoint, Handle, Outgoing, Payload, Technique } from './technique';

type BullMq = Extract<Endpoint, { kind: 'bullmq' }>;

interface JobOptions {
  readonly delay: number;
  readonly timestamp: number;
}

interface Queue<Data> {
  add(name: string, data: Data, options: JobOptions): Promise<unknown>;
  addBulk(jobs: readonly { name: string; data: Data; opts: JobOptions }[]): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

interface Job<Data> {
  readonly data: Data;
  readonly timestamp: number;
  readonly opts: JobOptions;
}

interface Worker {
  waitUntilReady(): Promise<unknown>;
  on(event: 'error' | 'failed', listener: () => void): void;
  close(): Promise<void>;
}

type Connection = { readonly host: string; readonly port: number };

interface Package {
  readonly Queue: new <Data>(
    name: string,
    options: { connection: Connection; defaultJobOptions: object },
  ) => Queue<Data>;
  readonly Worker: new <Data>(
    name: string,
    processor: (job: Job<Data>) => Promise<void>,
    options: { connection: Connection; concurrency: number },
  ) => Worker;
}

const NAME = 'bench';

/** BullMQ as a technique. */
export const bullmq: Technique<BullMq> = {
  async openSender(endpoint, settings) {
    const queue = await openQueue<Payload>(endpoint, settings);
    return {
      async put({ payload, dueAt }) {
        await queue.add('message', payload, until(dueAt));
      },
      // All or none.
      putMany: (messages) =>
        queue.addBulk(messages.map(jobOf)).then(
          () => [],
          (why) => messages.map((message) => ({ message, why })),
        ),
      close: () => queue.close(),
    };
  },

  async openConsumer({ port }, { handlers }, handle) {
    const { Worker } = loadBullMq();
    const worker = new Worker<Payload>(NAME, (job) => handled(job, handle), {
      connection: { host: '127.0.0.1', port },
      concurrency: handlers,
    });
    worker.on('error', () => {});
    await worker.waitUntilReady();
    return { close: () => worker.close() };
  },
};

/** A queue on this Redis. */
export async function openQueue<Data>(
  { port }: Pick<BullMq, 'port'>,
  { attempts }: Pick<ConsumerSettings, 'attempts'>,
): Promise<Queue<Data>> {
  const { Queue } = loadBullMq();
  const queue = new Queue<Data>(NAME, {
    connection: { host: '127.0.0.1', port },
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts },
  });
  await queue.waitUntilReady();
  return queue;
}

function loadBullMq(): Package {
  return createRequire(join(PEER, 'package.json'))('bullmq');
}

/** BullMQ reckons from the job's own time stamp, so both are from one look at the clock. */
function until(dueAt: number): JobOptions {
  const now = Date.now();
  return { delay: Math.max(0, dueAt - now), timestamp: now };
}

function jobOf({ payload, dueAt }: Outgoing) {
  return { name: 'message', data: payload, opts: until(dueAt) };
}

function handled({ data, timestamp, opts }: Job<Payload>, handle: Handle): Promise<void> {
  return handle({ payload: data, dueAt: timestamp + opts.delay });
}
