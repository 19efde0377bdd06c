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
  /** How often one was refused. */
  readonly refused: number;
  /** Until the last one was accepted, in milliseconds. */
  readonly tookMs: number;
  /** How long each call took until it was safe, in milliseconds. */
  readonly callsMs: Float64Array;
  /** Why the first refused one was. */
  readonly why?: string;
}

const TICK_MS = 2;
const RETRY_MS = 200;
const MOST_TRIES = 50;

/** Sends at a steady rate whatever becomes of it: what is sent when does not depend on how fast it is taken. */
export async function pace(sender: SenderSide, { rate, seconds, due }: PaceSettings): Promise<Sent> {
  const next = messagesOf(due);
  const account = createAccount();
  const count = Math.round(rate * seconds);
  const calls: Promise<void>[] = [];
  const start = performance.now();
  while (calls.length < count) {
    const expected = Math.min(count, Math.floor(((performance.now() - start) / 1_000) * rate) + 1);
    while (calls.length < expected) calls.push(putOne(sender, next(), account));
    await sleep(TICK_MS);
  }
  await Promise.all(calls);
  return account.sent();
}

async function putOne(sender: SenderSide, message: Outgoing, account: Account): Promise<void> {
  const calledAt = performance.now();
  try {
    await sender.put(message);
    account.note(1, performance.now() - calledAt);
  } catch (error) {
    account.refuse(1, error);
  }
}

/**
 * Sends as fast as it is taken. What is refused is sent again a little later, as a client would.
 *
 * @throws Error when something is refused again and again
 */
export async function fill(sender: SenderSide, settings: FillSettings): Promise<Sent> {
  const { count, window, chunk, due } = settings;
  const next = messagesOf(due);
  const account = createAccount();
  let left = count;
  const lane = async () => {
    while (left > 0) {
      const messages = Array.from({ length: Math.min(chunk, left) }, next);
      left -= messages.length;
      await putAll(sender, messages, account);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(window / chunk)) }, lane));
  return account.sent();
}

async function putAll(sender: SenderSide, messages: readonly Outgoing[], account: Account): Promise<void> {
  let unsent = messages;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const calledAt = performance.now();
    const refused = await sender.putMany(unsent);
    account.note(unsent.length - refused.length, performance.now() - calledAt);
    const [first] = refused;
    if (!first) return;
    account.refuse(refused.length, first.why);
    unsent = refused.map(({ message }) => message);
    await sleep(RETRY_MS);
  }
  throw new Error(`refused again and again: ${account.sent().why}`);
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

type Account = ReturnType<typeof createAccount>;

/** Keeps account of calls and how they went. */
function createAccount() {
  const start = performance.now();
  const callsMs: number[] = [];
  let accepted = 0;
  let refused = 0;
  let lastAt = start;
  let why: string | undefined;
  return {
    note(messages: number, tookMs: number): void {
      lastAt = performance.now();
      callsMs.push(tookMs);
      accepted += messages;
    },
    refuse(messages: number, reason: unknown): void {
      refused += messages;
      why ??= String(reason);
    },
    sent: (): Sent => ({
      ...{ accepted, refused, tookMs: lastAt - start, callsMs: Float64Array.from(callsMs) },
      ...(why !== undefined && { why }),
    }),
  };
}
