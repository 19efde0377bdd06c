/** Going through a queue without consuming it: each message is looked at, and then removed or put back in its place. */
import type { Channel, GetMessage } from 'amqplib';
import { passThrough, putBack } from './browse-pass';
import { withChannel } from './channel';
import type { BrokerConnection } from './connection';
import { messageCount } from './message-count';

/** A message as the queue has it. */
export type BrowsedMessage = Pick<GetMessage, 'content' | 'properties'>;

/** What becomes of a message. */
export type Verdict = 'keep' | 'remove';

/** Options of Browser.browse. */
export interface BrowseOptions {
  /** Messages shown at most, oldest first; default all that the queue has at the start. */
  readonly most?: number;
  /** Decides on a message, for up to 30 at once. Once it throws, no further message is shown. */
  readonly decide: (message: BrowsedMessage) => Verdict | Promise<Verdict>;
}

/**
 * Looks into queues. One caller after the other has a queue, as it would not see what another one has in hand. That
 * goes for this process; what another process has in hand at the moment is missing.
 */
export interface Browser {
  /**
   * Shows messages and removes those decided on; the others keep their order. Resolves with how many there were.
   *
   * @throws BrokerUnavailableError the queue cannot be read; nothing is lost, but a message removed may be back
   * @throws what `decide` throws; what it decided to remove is removed, the rest put back
   */
  browse(queue: string, options: BrowseOptions): Promise<number>;
  /**
   * How many messages there are, without those that somebody has in hand, a look of this process included.
   *
   * @throws BrokerUnavailableError the queue cannot be read
   */
  count(queue: string): Promise<number>;
}

/** A browser that opens a channel of this connection for each look. */
export function createBrowser(connection: BrokerConnection): Browser {
  const latest = new Map<string, Promise<unknown>>();
  /** How many each queue got back last. */
  const returned = new Map<string, number>();

  const inTurn = <T>(queue: string, look: (channel: Channel) => Promise<T>): Promise<T> => {
    const before = latest.get(queue) ?? Promise.resolve();
    const turn = before.then(() => withChannel(connection, `The queue ${queue}`, look));
    const over = turn.catch(() => {});
    latest.set(queue, over);
    return turn;
  };
  return {
    async browse(queue, options) {
      const { messages, failure } = await inTurn(queue, async (channel) => {
        const pass = await passThrough(channel, queue, options, returned.get(queue) ?? 0);
        await putBack(channel, queue, pass.kept);
        returned.set(queue, pass.kept.flat().length);
        return pass;
      });
      if (failure) throw failure.reason;
      return messages;
    },
    count: (queue) =>
      withChannel(connection, `The queue ${queue}`, (channel) => messageCount(channel, queue)),
  };
}
