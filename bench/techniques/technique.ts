/** What the ways to have something handled later have in common, so that one sender and one consumer program serve all. */

/** 200 bytes of JSON in each message: what the webhooks target takes, and the peers take anything. */
export interface Payload {
  readonly url: string;
  readonly body: { readonly n: number; readonly text: string };
}

/** A message on its way into one of the ways. */
export interface Outgoing {
  readonly payload: Payload;
  /** In milliseconds since the epoch. */
  readonly dueAt: number;
}

/** A message that was not taken. */
export interface Refused {
  readonly message: Outgoing;
  readonly why: unknown;
}

/** Puts messages in. */
export interface SenderSide {
  /** Resolves once it is safe, in whatever way that is promised; rejects when it is refused. */
  put(message: Outgoing): Promise<void>;
  /** The same for several at once; resolves with those that were refused. */
  putMany(messages: readonly Outgoing[]): Promise<Refused[]>;
  close(): Promise<void>;
}

/** Handles a message that is due; what it throws means that the attempt failed. */
export type Handle = (message: Outgoing) => Promise<void>;

/** Has messages handled until it is closed. */
export interface ConsumerSide {
  close(): Promise<void>;
}

/** How messages are consumed. */
export interface ConsumerSettings {
  /** Handlers running at once. */
  readonly handlers: number;
  /** Attempts at most; each comes at once after the one that failed. */
  readonly attempts: number;
}

/** One way to have something handled later, and where. */
export type Endpoint =
  | { readonly kind: 'ours'; readonly amqpUrl: string; readonly ledger: boolean }
  | { readonly kind: 'bare'; readonly amqpUrl: string }
  | { readonly kind: 'bullmq'; readonly port: number }
  | { readonly kind: 'timers' };

/** Both sides of it. */
export interface Technique<E extends Endpoint> {
  openSender(endpoint: E, settings: ConsumerSettings): Promise<SenderSide>;
  openConsumer(endpoint: E, settings: ConsumerSettings, handle: Handle): Promise<ConsumerSide>;
}

/** For who knows no way to put several in at once: one by one, side by side. */
export async function putEach(put: SenderSide['put'], messages: readonly Outgoing[]): Promise<Refused[]> {
  const outcomes = await Promise.all(
    messages.map((message) =>
      put(message).then(
        () => [],
        (why: unknown) => [{ message, why }],
      ),
    ),
  );
  return outcomes.flat();
}

const PAYLOAD_BYTES = 200;

/** The n-th payload. */
export function payloadOf(n: number): Payload {
  const payload = { url: 'https://shop.example/hook', body: { n, text: '' } };
  const text = 'x'.repeat(PAYLOAD_BYTES - JSON.stringify(payload).length);
  return { ...payload, body: { n, text } };
}
