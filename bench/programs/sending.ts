/** How a sender sends: at a steady rate, or as fast as it is taken. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../random';
import { type Outgoing, payloadOf, type SenderSide } from '../techniques/technique';

/** When messages are due: at one moment, or after random delays, evenly spread, the same in each run. */
export type Due =
  | { readonly dueAt: number }
  | { readonly leastMs: number; readonly mostMs: number; readonly seed: number };

/** A steady rate. */
export interface PaceSettings {
  /** Messages a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly due: Due;
}

/** As fast as it is taken. */
export interface FillSettings {
  readonly count: number;
  /** Messages on their way at once. */
  readonly window: number;
  /** How many of them are put in by one call. */
  readonly chunk: number;
  readonly due: Due;
}

/** What came of it. */
export interface Sent {
  readonly accepted: number;
  readonly refused: number;
  /** Until the last one was accepted, in milliseconds. */
  readonly tookMs: number;
  /** How long each call took until it was safe, in milliseconds. */
  readonly callsMs: Float64Array;
  /** Why the first refused one was. */
  readonly why?: string;
}

const TICK_MS = 2;

/** Sends at a steady rate whatever becomes of it: what is sent when does not depend on how fast it is taken. */
export async function pace(sender: SenderSide, { rate, seconds, due }: PaceSettings): Promise<Sent> {
  const next = messagesOf(due);
  const account = createAccount();
  const count = Math.round(rate * seconds);
  const calls: Promise<void>[] = [];
  const start = performance.now();
  while (calls.length < count) {
    const expected = Math.min(count, Math.floor(((performance.now() - start) / 1_000) * rate) + 1);
    while (calls.length < expected) calls.push(account(1, () => sender.put(next())));
    await sleep(TICK_MS);
  }
  await Promise.all(calls);
  return account.sent();
}

/** Sends as fast as it is taken. */
export async function fill(sender: SenderSide, settings: FillSettings): Promise<Sent> {
  const { count, window, chunk, due } = settings;
  const next = messagesOf(due);
  const account = createAccount();
  let left = count;
  const lane = async () => {
    while (left > 0) {
      const messages = Array.from({ length: Math.min(chunk, left) }, next);
      left -= messages.length;
      const [only] = messages;
      await account(messages.length, () =>
        messages.length === 1 && only ? sender.put(only) : sender.putMany(messages),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(window / chunk)) }, lane));
  return account.sent();
}

function messagesOf(due: Due): () => Outgoing {
  let n = 0;
  if ('dueAt' in due) return () => ({ payload: payloadOf(n++), dueAt: due.dueAt });
  const random = createRandom(due.seed);
  const spreadMs = due.mostMs - due.leastMs;
  return () => ({
    payload: payloadOf(n++),
    dueAt: Date.now() + due.leastMs + Math.floor(random() * spreadMs),
  });
}

/** Keeps account of calls and how they went. */
function createAccount() {
  const start = performance.now();
  const callsMs: number[] = [];
  let accepted = 0;
  let refused = 0;
  let lastAt = start;
  let why: string | undefined;
  const account = async (messages: number, call: () => Promise<unknown>): Promise<void> => {
    const calledAt = performance.now();
    try {
      await call();
      lastAt = performance.now();
      callsMs.push(lastAt - calledAt);
      accepted += messages;
    } catch (error) {
      refused += messages;
      why ??= String(error);
    }
  };
  const sent = (): Sent => ({
    ...{ accepted, refused, tookMs: lastAt - start, callsMs: Float64Array.from(callsMs) },
    ...(why !== undefined && { why }),
  });
  return Object.assign(account, { sent });
}
