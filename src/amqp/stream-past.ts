/** Reading what a stream has at this moment: from a time on, or all of it. */
import type { ConsumeMessage } from 'amqplib';
import { withChannel } from './channel';
import type { BrokerConnection } from './connection';
import {
  ANSWER_TIMEOUT_MS,
  firstOffset,
  latestOffset,
  offsetOf,
  type StreamChannel,
  type StreamEntry,
  streamChannel,
} from './stream';

/** Options of readPast. */
export interface PastOptions {
  readonly connection: BrokerConnection;
  readonly stream: string;
  /**
   * Leaves out what was written earlier, in milliseconds since the epoch by RabbitMQ's clock; a chunk of entries that
   * begins earlier is not left out. Default nothing.
   */
  readonly since?: number | undefined;
  /** Takes each entry, in order; what it throws ends the reading. */
  readonly onEntry: (entry: StreamEntry) => void;
  /** Ends the reading when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** What was read. */
export interface PastRead {
  /** Whether entries that would have come before those that were read have been cut off. */
  readonly isCut: boolean;
}

/**
 * Reads the stream up to the end that it had when the reading began.
 *
 * @throws BrokerUnavailableError when the stream cannot be read or has no entry, when onEntry throws or the signal is aborted
 */
export async function readPast(options: PastOptions): Promise<PastRead> {
  const { connection, stream, signal } = options;
  const latest = await latestOffset(connection, stream);
  const began = await withChannel(connection, `The stream ${stream}`, async (channel) => {
    signal?.throwIfAborted();
    return readUpTo(latest, await streamChannel(channel), options);
  });
  // Asked afterwards: what is cut off meanwhile must not look as if it had been read.
  return { isCut: (began ?? 0) > 0 && (began ?? 0) <= (await firstOffset(connection, stream)) };
}

/** Resolves with the offset at which it began; undefined when there was nothing to read. */
async function readUpTo(
  latest: number,
  channel: StreamChannel,
  { stream, since, onEntry, signal }: PastOptions,
): Promise<number | undefined> {
  const ending = createEnding(signal);
  let began: number | undefined;
  const onSilence = async () => {
    if (began !== undefined || since === undefined)
      throw new Error(`no entry came within ${ANSWER_TIMEOUT_MS} ms, and ${latest} is there`);
    // With a time that is later than all entries RabbitMQ waits for the next one. But perhaps this process was just busy:
    // whatever was sent before the answer to this has come with it.
    await channel.on.checkQueue(stream);
    if (began === undefined) ending.succeed();
  };
  const silence = setTimeout(() => onSilence().catch(ending.fail), ANSWER_TIMEOUT_MS);
  const onMessage = (message: ConsumeMessage | null) => {
    if (!message) return ending.fail(new Error('cancelled by the broker'));
    channel.acknowledge(message);
    if (ending.over()) return;
    silence.refresh();
    const offset = offsetOf(message);
    began ??= offset;
    try {
      if (offset <= latest) onEntry({ offset, content: message.content, properties: message.properties });
      if (offset >= latest) ending.succeed();
    } catch (error) {
      ending.fail(error);
    }
  };
  const from = since === undefined ? 'first' : { '!': 'timestamp', value: Math.floor(since / 1_000) };
  try {
    channel.on.once('close', () => ending.fail(new Error('the channel was closed')));
    await channel.on.consume(stream, onMessage, { arguments: { 'x-stream-offset': from } });
    await ending.reached;
  } finally {
    clearTimeout(silence);
  }
  return began;
}

/** How a reading ends, once. */
function createEnding(signal: AbortSignal | undefined) {
  let [resolve, reject] = [() => {}, (_: unknown) => {}];
  const reached = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });
  let over = false;
  const end = (settle: () => void) => {
    over = true;
    signal?.removeEventListener('abort', abort);
    settle();
  };
  const fail = (error: unknown) => end(() => reject(error));
  const abort = () => fail(signal?.reason);
  signal?.addEventListener('abort', abort);
  reached.catch(() => {}); // may be over before anybody waits for it
  return { reached, over: () => over, succeed: () => end(resolve), fail };
}
