/** The load of a scene: messages to all targets with delays up to 20 s, some to be cancelled, at a steady rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import { post } from '../broker/service';
import { fateOf } from './callee';
import type { Journal } from './journal';

/** Options of startLoad. */
export interface LoadOptions {
  readonly journal: Journal;
  /** The APIs that run at the moment. */
  readonly apis: () => readonly string[];
  /** Messages a second. */
  readonly rate: number;
  /** In milliseconds. */
  readonly longestDelayMs: number;
  /** Where webhooks go. */
  readonly calleeUrl: string;
  /** The queue that messages are relayed to. */
  readonly relayQueue: string;
}

/** A load. */
export interface Load {
  /** Sends nothing more, and waits for the answers. */
  stop(): Promise<void>;
}

interface Result {
  readonly status: number;
  readonly body: { readonly id: string; readonly due_at: string };
}

const TICK_MS = 200;
/** Requests unanswered at most; beyond, a tick is left out. */
const MOST_OPEN = 20;
const CANCEL_AFTER_MS = 1_000;

/** Puts the service under load until it is stopped. */
export function startLoad(options: LoadOptions): Load {
  const { journal, apis, rate } = options;
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
    const answer = await post(
      `${anyApi()}/v1/messages/batch`,
      numbers.map((n) => messageOf(n, options)),
    );
    const { results } = (await answer.json()) as { results: Result[] };
    results.forEach(({ status, body }, i) => {
      const n = numbers[i] ?? 0;
      if (status !== 202) return;
      const dueAt = Date.parse(body.due_at);
      journal.accepted.push({ n, dueAt });
      if (isToBeCancelled(n, dueAt)) keep(cancel(n, body.id));
    });
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

function messageOf(n: number, { longestDelayMs, calleeUrl, relayQueue }: LoadOptions) {
  const name = `message-${n} ${fateOf(n)}`;
  const to = [
    { to: 'orders', payload: { order_id: name } },
    { to: 'webhooks', payload: { url: `${calleeUrl}/hook`, body: name } },
    { to: 'relay', payload: { exchange: '', routing_key: relayQueue, content: name } },
  ][n % 3];
  return { ...to, delay_ms: (n * 7_919) % longestDelayMs, ...(n % 2 === 0 && { id: `own-${n}` }) };
}
