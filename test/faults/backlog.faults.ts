/** A million messages wait, and then all are due within one minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gauge, peakOf, watchProcesses } from './gauges';
import { messageOf, postBatch } from './load';
import { FORM, scene } from './scene';
import type { Stage } from './stage';

const MINUTE_MS = 60_000;
const BATCH = 1_000;
/** Requests open at once. */
const SENDERS = 4;
/** Slower than this, in messages a second, and some would be due before all are accepted. */
const SLOWEST_ACCEPTED = 1_000;
/** Handled slower than this, in messages a second, they do not count as drained. */
const SLOWEST_DRAINED = 100;

/** What a process may take more than before the first message, in MB: so much whatever waits, and for each message that an API keeps in view. */
const BOUND_MB = 200;
const IN_VIEW_MB = 0.001;

/** Sends until so many are accepted; their due times are spread over one minute. */
async function sendAll(stage: Stage, count: number, firstDueAt: number): Promise<void> {
  const { journal, destinations, apis } = stage;
  const urls = await Promise.all(apis.map((api) => api.url()));
  let next = 0;
  const sender = async (_: unknown, i: number) => {
    while (next < count) {
      const first = next;
      next += Math.min(BATCH, count - first);
      // What is refused for a while is sent again, until it is accepted.
      let rest = Array.from({ length: next - first }, (_, k) => first + k);
      while (rest.length > 0) {
        const accepted = await postBatch(
          urls[i % urls.length] ?? '',
          rest.map((n) => ({
            n,
            ...messageOf(n, destinations),
            // Whatever became of it the first time, it is accepted once.
            id: `own-${n}`,
            deliver_at: new Date(firstDueAt + (n * MINUTE_MS) / count).toISOString(),
          })),
        );
        journal.accepted.push(...accepted.map(({ n, dueAt }) => ({ n, dueAt })));
        const numbers = new Set(accepted.map(({ n }) => n));
        rest = rest.filter((n) => !numbers.has(n));
        if (rest.length > 0) await sleep(500);
      }
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

function boundMb({ name }: Gauge): number {
  return name.startsWith('API') ? BOUND_MB + IN_VIEW_MB * FORM.pending : BOUND_MB;
}

const count = FORM.pending;
scene(
  `${count.toLocaleString('en')} pending, due within one minute`,
  async (stage) => {
    const { journal, notes, findings } = stage;
    const gauges = watchProcesses(stage);
    const startedAt = Date.now();
    const firstDueAt = startedAt + MINUTE_MS / 2 + (count / SLOWEST_ACCEPTED) * 1_000;
    await sendAll(stage, count, firstDueAt);
    const acceptedAt = Date.now();
    expect({ accepted: journal.accepted.length, attempts: journal.attempts.length }).toEqual({
      ...{ accepted: count, attempts: 0 },
    });
    await stage.judge();
    await gauges.stop();
    const lastAt = journal.attempts.reduce((latest, { at }) => Math.max(latest, at), 0);
    notes.push(
      `accepted in ${seconds(acceptedAt - startedAt)}, the last handled ${seconds(lastAt - firstDueAt)} after the first was due`,
    );
    for (const gauge of gauges.all) {
      const atStart = gauge.memory[0]?.value ?? 0;
      const peak = peakOf(gauge.memory);
      notes.push(`${gauge.name}: ${atStart.toFixed(0)} MB before, ${peak.toFixed(0)} MB at most`);
      if (gauge.service && peak - atStart > boundMb(gauge))
        findings.push(`${gauge.name} takes ${(peak - atStart).toFixed(0)} MB more`);
    }
  },
  {
    rate: 0,
    patienceMs: MINUTE_MS + (count / SLOWEST_DRAINED) * 1_000,
    timeoutMs: 15 * MINUTE_MS + (count / SLOWEST_DRAINED) * 2_000,
  },
);

const seconds = (ms: number) => `${(ms / 1_000).toFixed(0)} s`;
