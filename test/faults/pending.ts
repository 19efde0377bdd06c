/** Many messages at once, which wait until they are due within the same minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, postBatch } from './load';
import type { CommonStage } from './stage';

const MINUTE_MS = 60_000;
/** Messages in a request. */
const BATCH = 1_000;
/** Requests open at once. */
const SENDERS = 4;

/** Messages to be sent as fast as they are taken. */
export interface Pending {
  readonly count: number;
  /** They are numbered from here on. */
  readonly firstNumber: number;
  /** In milliseconds since the epoch; the others follow within a minute. */
  readonly firstDueAt: number;
}

/** Sends until so many are accepted; their due times are spread over one minute. */
export async function sendAll(
  { journal, destinations, apis }: Pick<CommonStage, 'journal' | 'destinations' | 'apis'>,
  { count, firstNumber, firstDueAt }: Pending,
): Promise<void> {
  const urls = await Promise.all(apis.map((api) => api.url()));
  let sent = 0;
  const sender = async (_: unknown, i: number) => {
    while (sent < count) {
      const first = sent;
      sent += Math.min(BATCH, count - first);
      // What is refused for a while is sent again, until it is accepted.
      let rest = Array.from({ length: sent - first }, (_, k) => firstNumber + first + k);
      while (rest.length > 0) {
        const accepted = await postBatch(
          urls[i % urls.length] ?? '',
          rest.map((n) => ({
            n,
            ...messageOf(n, destinations),
            // Whatever became of it the first time, it is accepted once.
            id: `own-${n}`,
            deliver_at: new Date(firstDueAt + ((n - firstNumber) * MINUTE_MS) / count).toISOString(),
          })),
        );
        journal.accepted.push(...accepted);
        const numbers = new Set(accepted.map(({ n }) => n));
        rest = rest.filter((n) => !numbers.has(n));
        if (rest.length > 0) await sleep(500);
      }
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}
