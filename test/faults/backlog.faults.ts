/** A million messages wait, and then all are due within one minute. */
import { type Gauge, peakOf, watchProcesses } from './gauges';
import { lateConfirms } from './late-confirms';
import { sendAll } from './pending';
import { FORM, scene } from './scene';

const MINUTE_MS = 60_000;
/** Slower than this, in messages a second, and some would be due before all are accepted. */
const SLOWEST_ACCEPTED = 2_500;
/** Handled slower than this, in messages a second, they do not count as drained. */
const SLOWEST_DRAINED = 100;

/** What a process may take more than before the first message, in MB: so much whatever waits, and for each message that an API keeps in view. */
const BOUND_MB = 200;
const IN_VIEW_MB = 0.001;
/** Of that, what the heap has: the rest is what is on its way through a process, such as the bodies of requests. */
const HEAP_SHARE = 0.7;

const count = FORM.pending;
const BOUNDS_MB = { api: BOUND_MB + IN_VIEW_MB * count, consumer: BOUND_MB };
const boundMb = ({ name }: Gauge) => (name.startsWith('API') ? BOUNDS_MB.api : BOUNDS_MB.consumer);

scene(
  `${count.toLocaleString('en')} pending, due within one minute`,
  async (stage) => {
    const { journal, notes, findings } = stage;
    const gauges = watchProcesses(stage);
    const startedAt = Date.now();
    const firstDueAt = startedAt + MINUTE_MS / 2 + (count / SLOWEST_ACCEPTED) * 1_000;
    await sendAll(stage, { count, firstNumber: 0, firstDueAt });
    const acceptedAt = Date.now();
    expect({ accepted: journal.accepted.length, attempts: journal.attempts.length }).toEqual({
      ...{ accepted: count, attempts: 0 },
    });
    await stage.judge();
    await gauges.stop();
    // What is due at once is more than the broker confirms in time.
    journal.faults.push(...lateConfirms([...stage.apis, ...stage.consumers].flatMap(({ log }) => log)));
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
    heapMb: { api: HEAP_SHARE * BOUNDS_MB.api, consumer: HEAP_SHARE * BOUNDS_MB.consumer },
    patienceMs: MINUTE_MS + (count / SLOWEST_DRAINED) * 1_000,
    timeoutMs: 15 * MINUTE_MS + (count / SLOWEST_DRAINED) * 2_000,
  },
);

const seconds = (ms: number) => `${(ms / 1_000).toFixed(0)} s`;
