/** The load of a scene: messages to all targets with delays up to 20 s, some to be cancelled, at a steady rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import { post } from '../broker/service';
import { fateOf } from './callee';
import { wholeMinutes } from './clocks';
import type { Accepted, Journal } from './journal';

/** Where what is handled goes. */
export interface Destinations {
  /** Where webhooks go. */
  readonly calleeUrl: string;
  /** The queue that messages are relayed to. */
  readonly relayQueue: string;
}

/** Options of startLoad. */
export interface LoadOptions {
  readonly journal: Journal;
  readonly destinations: Destinations;
  /** The APIs that run at the moment. */
  readonly apis: () => readonly string[];
  /** Messages a second. */
  readonly rate: number;
  /** In milliseconds. */
  readonly longestDelayMs: number;
}

/** A load. */
export interface Load {
  /** Sends nothing more, and waits for the answers. */
  stop(): Promise<void>;
}

/** What was answered to a message of a batch. */
interface Result {
  readonly status: number;
  readonly body: { readonly id: string; readonly due_at: string };
}

/** A message that was accepted. */
interface Answered extends Accepted {
  readonly id: string;
}

const TICK_MS = 200;
/** Requests unanswered at most; beyond, a tick is left out. */
const MOST_OPEN = 20;
const CANCEL_AFTER_MS = 1_000;

/** Puts the service under load until it is stopped. */
export function startLoad(options: LoadOptions): Load {
  const { journal, destinations, apis, rate, longestDelayMs } = options;
  const open = new Set<Promise<void>>();
  let next = 0;

  const keep = (work: Promise<void>) => {
    const kept = work.catch(() => {}).finally(() => open.delete(kept));
    open.add(kept);
  };
  const anyApi = () => {
    const urls = apis();
    return urls[Math.floor(Math.random() * urls.length)] ?? '';
  };

  const send = async (): Promise<void> => {
    const count = Math.round((rate * TICK_MS) / 1_000);
    const numbers = Array.from({ length: count }, () => next++);
    const delayMs = (n: number) => (n * 7_919) % longestDelayMs;
    const sentAt = Date.now();
    const accepted = await postBatch(
      anyApi(),
      numbers.map((n) => ({ n, ...messageOf(n, destinations), delay_ms: delayMs(n) })),
    );
    for (const { id, ...message } of accepted) {
      const { n, dueAt } = message;
      const clockAheadMs = wholeMinutes(dueAt - delayMs(n) - sentAt);
      journal.accepted.push({ ...message, clockAheadMs });
      if (isToBeCancelled(n, dueAt - clockAheadMs)) keep(cancel(n, id));
    }
  };

  const cancel = async (n: number, id: string): Promise<void> => {
    await sleep(CANCEL_AFTER_MS);
    journal.perhapsCancelled.add(n);
    const { status } = await fetch(`${anyApi()}/v1/messages/${id}`, { method: 'DELETE' });
    if (status === 200) journal.cancelled.add(n);
    if (status === 404) journal.perhapsCancelled.delete(n);
  };

  const timer = setInterval(() => {
    if (open.size < MOST_OPEN) keep(send());
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      while (open.size > 0) await Promise.all(open);
    },
  };
}

function isToBeCancelled(n: number, dueAt: number): boolean {
  return n % 20 === 11 && dueAt - Date.now() > 4 * CANCEL_AFTER_MS;
}

/** Posts a batch; resolves with what was accepted of it. */
export async function postBatch(
  api: string,
  messages: readonly { readonly n: number; readonly [field: string]: unknown }[],
): Promise<Answered[]> {
  const answer = await post(
    `${api}/v1/messages/batch`,
    messages.map(({ n, ...message }) => message),
  );
  const { results } = (await answer.json()) as { results: Result[] };
  const acceptedAt = Date.now();
  return results.flatMap(({ status, body }, i) => {
    const n = messages[i]?.n;
    if (status !== 202 || n === undefined) return [];
    return [{ n, id: body.id, dueAt: Date.parse(body.due_at), acceptedAt }];
  });
}

/** The message of this number, without a time. */
export function messageOf(n: number, { calleeUrl, relayQueue }: Destinations) {
  const name = `message-${n} ${fateOf(n)}`;
  const to = [
    { to: 'orders', payload: { order_id: name } },
    { to: 'webhooks', payload: { url: `${calleeUrl}/hook`, body: name } },
    { to: 'relay', payload: { exchange: '', routing_key: relayQueue, content: name } },
  ][n % 3];
  return { ...to, ...(n % 2 === 0 && { id: `own-${n}` }) };
}
