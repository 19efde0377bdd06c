/** A sender and its consumers, each a process of its own, at work in one place. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './contestants';
import type { Lab } from './lab';
import type { Program } from './program';
import type { PartySettings } from './programs/party';
import type { Recorded } from './programs/recording';
import type { FillSettings, PaceSettings, Sent } from './programs/sending';

/** Sender and consumers. */
export interface Parties {
  pace(settings: PaceSettings): Promise<Sent>;
  fill(settings: FillSettings): Promise<Sent>;
  /**
   * Waits until so many messages have been handled since the last reset.
   *
   * @throws Error when none is handled for ten seconds after `dueAt`
   */
  untilHandled(count: number, dueAt?: number): Promise<void>;
  /** What each consumer has noted. */
  taken(): Promise<Recorded[]>;
  /** Has the consumers forget what they have noted. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** How they work. */
export interface PartiesSettings extends Omit<PartySettings, 'endpoint'> {
  /** Consumer processes. */
  readonly consumers: number;
}

/** What they do where nothing else is said: the defaults of the product, and handlers that only record. */
export const USUAL: PartiesSettings = { consumers: 1, handlers: 50, attempts: 10, waitMs: 0, failures: 0 };

const LOOK_MS = 20;
const PATIENCE_MS = 10_000;

/** Starts them. */
export async function startParties(
  lab: Lab,
  { endpoint }: Place,
  { consumers: processes, ...settings }: PartiesSettings,
): Promise<Parties> {
  const consumers = Array.from({ length: processes }, () => lab.start('party'));
  const [first] = consumers;
  // Timers are kept by the process that fires them.
  const sender = endpoint.kind === 'timers' && first ? first : lab.start('party');
  await Promise.all(consumers.map((consumer) => consumer.ask('openConsumer', { endpoint, ...settings })));
  await sender.ask('openSender', { endpoint, ...settings });
  const each = <Result>(method: string) =>
    Promise.all(consumers.map((consumer) => consumer.ask<Result>(method)));
  return {
    pace: (asked) => sender.ask('pace', asked),
    fill: (asked) => sender.ask('fill', asked),
    untilHandled: (count, dueAt = Date.now()) => untilHandled(consumers, count, dueAt),
    taken: () => each('taken'),
    reset: async () => void (await each('reset')),
    async close() {
      await sender.end();
      await Promise.all(consumers.map((consumer) => consumer.end()));
    },
  };
}

async function untilHandled(consumers: readonly Program[], count: number, dueAt: number): Promise<void> {
  let [handled, movedAt] = [-1, Date.now()];
  for (;;) {
    const counts = await Promise.all(consumers.map((consumer) => consumer.ask<number>('count')));
    const now = counts.reduce((sum, each) => sum + each, 0);
    if (now >= count) return;
    if (now !== handled) [handled, movedAt] = [now, Date.now()];
    if (Date.now() > Math.max(movedAt, dueAt) + PATIENCE_MS)
      throw new Error(`Of ${count} messages only ${now} were handled, and no more came.`);
    await sleep(LOOK_MS);
  }
}

/** What all consumers have noted together. */
export function together(taken: readonly Recorded[]): Omit<Recorded, 'driftMs'> {
  const sum = (of: (recorded: Recorded) => number) => taken.reduce((total, each) => total + of(each), 0);
  return {
    handled: sum(({ handled }) => handled),
    attempts: sum(({ attempts }) => attempts),
    copies: sum(({ copies }) => copies),
    early: sum(({ early }) => early),
    latenessMs: Float64Array.from(taken.flatMap(({ latenessMs }) => [...latenessMs])),
    lastAt: Math.max(0, ...taken.map(({ lastAt }) => lastAt)),
  };
}
