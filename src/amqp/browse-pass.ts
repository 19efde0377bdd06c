/**
 * One pass through a queue, for browse.ts.
 *
 * A quorum queue hands out first what came back to it, in the order in which it came back. So for looking to
 * change nothing, everything that came back before must be taken each time, however little is asked for. And it goes
 * back in groups, one after the other: RabbitMQ shuffles what comes back more than 32 at once, or 32 times
 * before the first is written.
 *
 * Messages are consumed by the group, as that is some fifty times faster than fetching each.
 */
import { randomUUID } from 'node:crypto';
import type { Channel, ConsumeMessage, GetMessage } from 'amqplib';
import type { BrowseOptions } from './browse';
import { messageCount } from './message-count';

type Taken = GetMessage | ConsumeMessage;

/** What a pass leaves to be done. */
export interface Pass {
  /** How many messages the queue had at the start. */
  readonly messages: number;
  /** What has to go back, group by group. */
  readonly kept: readonly Taken[][];
  /** What `decide` threw first. */
  readonly failure: PromiseRejectedResult | undefined;
}

/** Below the 32 that RabbitMQ can do with, see above. */
const GROUP = 30;
/** Another process was faster when messages that were there do not come for so long, in milliseconds. */
const PATIENCE_MS = 1_000;
/** How long to ask whether what was put back is written, in milliseconds; a busy disk can take a while. */
const WRITE_TIMEOUT_MS = 2_000;
const NOTHING = Buffer.alloc(0);

/**
 * Takes messages until all that are wanted are shown and all that came back before are in hand.
 *
 * @param depth how many came back before, as far as is known
 */
export async function passThrough(
  channel: Channel,
  queue: string,
  { most = Number.POSITIVE_INFINITY, decide }: BrowseOptions,
  depth: number,
): Promise<Pass> {
  const hand = createHand(channel, decide);
  let next = await channel.get(queue);
  const messages = next ? next.fields.messageCount + 1 : 0;
  const wanted = Math.min(most, messages);

  for (let goal = Math.max(wanted, depth); next; goal = hand.taken() + GROUP) {
    await hand.take([next], wanted);
    for (let group: Taken[] = [next]; group.length > 0 && !hand.failure(); ) {
      const count = Math.min(GROUP, Math.min(goal, messages) - hand.taken());
      group = count > 0 ? await consume(channel, queue, count) : [];
      await hand.take(group, wanted);
    }
    // One beyond: it tells whether more follows that came back before, and comes only when all acknowledgements are written.
    next = await channel.get(queue);
    if (next && (hand.failure() || !next.fields.redelivered)) {
      await hand.take([next], 0);
      break;
    }
  }
  return { messages, kept: hand.kept, failure: hand.failure() };
}

/** What was taken: decided on, and acknowledged or kept. */
function createHand(channel: Channel, decide: BrowseOptions['decide']) {
  const kept: Taken[][] = [];
  let taken = 0;
  let failure: PromiseRejectedResult | undefined;
  return {
    kept,
    taken: () => taken,
    failure: () => failure,
    /** Takes a group in, and shows it as far as no more than `wanted` have been taken and nothing failed. */
    async take(group: Taken[], wanted: number) {
      const shown = failure ? [] : group.slice(0, Math.max(0, wanted - taken));
      taken += group.length;
      const verdicts = await Promise.allSettled(shown.map(async (message) => decide(message)));
      failure ??= verdicts.find((verdict) => verdict.status === 'rejected');
      const removed = new Set(
        shown.filter((_, i) => verdicts[i]?.status === 'fulfilled' && verdicts[i].value === 'remove'),
      );
      for (const message of removed) channel.ack(message);
      // Only the tag is needed from here on, and the bodies of a whole queue may be more than memory holds.
      kept.push(
        group.filter((message) => !removed.has(message)).map((message) => ({ ...message, content: NOTHING })),
      );
    },
  };
}

/** Takes so many messages, or fewer when they do not come. */
async function consume(channel: Channel, queue: string, count: number): Promise<Taken[]> {
  const taken: Taken[] = [];
  const consumerTag = randomUUID();
  await channel.prefetch(count);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    const onMessage = (message: ConsumeMessage | null) => {
      if (message) taken.push(message);
      if (taken.length < count) return void timer.refresh();
      clearTimeout(timer);
      resolve();
    };
    channel.consume(queue, onMessage, { consumerTag }).catch((error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
  await channel.cancel(consumerTag);
  return taken;
}

/** Puts the groups back in their order, each once the one before is written. */
export async function putBack(channel: Channel, queue: string, groups: Pass['kept']): Promise<void> {
  const count = () => messageCount(channel, queue);
  let expected = await count();
  let gaveUp = false;
  for (const group of groups) {
    const last = group.at(-1);
    if (!last) continue;
    channel.nack(last, true, true); // and those before it that are still in hand
    expected += group.length;
    // Having given up once, another process takes messages out, and the count says nothing any more.
    if (gaveUp) continue;
    const giveUpAt = performance.now() + WRITE_TIMEOUT_MS;
    while (!gaveUp && (await count()) < expected) gaveUp = performance.now() >= giveUpAt;
  }
}
