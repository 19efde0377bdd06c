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

/** How far a reading is. */
interface Progress {
  /** Offsets of the first and the latest entry that was read; undefined before there is one. */
  began: number | undefined;
  position: number | undefined;
}

/** How often it is begun anew, where it was left, before it is given up. */
const MOST_TRIES = 3;

/** Entries that are there do not come: RabbitMQ 4.3 leaves a reader without any when the part that it is in is cut off. */
class StalledError extends Error {}

/**
 * Reads the stream up to the end that it had when the reading began.
 *
 * @throws BrokerUnavailableError when the stream cannot be read or has no entry, when onEntry throws or the signal is aborted
 */
export async function readPast(options: PastOptions): Promise<PastRead> {
  const { connection, stream, signal } = options;
  const latest = await latestOffset(connection, stream);
  const progress: Progress = { began: undefined, position: undefined };
  for (let tries = 1, over = false; !over; tries++) {
    try {
      await withChannel(connection, `The stream ${stream}`, async (channel) => {
        signal?.throwIfAborted();
        await readUpTo(latest, progress, await streamChannel(channel), options);
      });
      over = true;
    } catch (error) {
      const stalled = error instanceof Error && error.cause instanceof StalledError;
      if (!stalled || tries === MOST_TRIES) throw error;
    }
  }
  const began = progress.began ?? 0;
  // Asked afterwards: what is cut off meanwhile must not look as if it had been read.
  return { isCut: began > 0 && began <= (await firstOffset(connection, stream)) };
}

async function readUpTo(
  latest: number,
  progress: Progress,
  channel: StreamChannel,
  { stream, since, onEntry, signal }: PastOptions,
): Promise<void> {
  const ending = createEnding(signal);
  const { position: before } = progress;
  const onSilence = async () => {
    // Perhaps this process was just busy: whatever was sent before the answer to this has come with it.
    const { position } = progress;
    await channel.on.checkQueue(stream);
    if (progress.position !== position) silence.refresh();
    // With a time that is later than all entries RabbitMQ waits for the next one.
    else if (position === undefined && since !== undefined) ending.succeed();
    else
      ending.fail(new StalledError(`no entry came within ${ANSWER_TIMEOUT_MS} ms, and ${latest} is there`));
  };
  const silence = setTimeout(() => onSilence().catch(ending.fail), ANSWER_TIMEOUT_MS);
  const onMessage = (message: ConsumeMessage | null) => {
    if (!message) return ending.fail(new Error('cancelled by the broker'));
    channel.acknowledge(message);
    if (ending.over()) return;
    silence.refresh();
    const offset = offsetOf(message);
    // A chunk is delivered from its beginning on.
    if (before !== undefined && offset <= before) return;
    progress.began ??= offset;
    progress.position = offset;
    try {
      if (offset <= latest) onEntry({ offset, content: message.content, properties: message.properties });
      if (offset >= latest) ending.succeed();
    } catch (error) {
      ending.fail(error);
    }
  };
  try {
    channel.on.once('close', () => ending.fail(new Error('the channel was closed')));
    await channel.on.consume(stream, onMessage, {
      arguments: { 'x-stream-offset': startOf(progress, since) },
    });
    await ending.reached;
  } finally {
    clearTimeout(silence);
  }
}

/** What RabbitMQ is told to begin with. */
function startOf({ position }: Progress, since: number | undefined) {
  if (position !== undefined) return position + 1;
  return since === undefined ? 'first' : { '!': 'timestamp', value: Math.floor(since / 1_000) };
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
