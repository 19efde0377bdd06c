import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../contestants';
import type { Lab } from '../lab';
import { type PartiesSettings, startParties, together } from '../parties';
import type { Turn } from '../turns';

/** How many at once are on their way while they are put in. */
const WINDOW = 1_000;
const CHUNK = 250;
const WARM_UP = 2_000;

/**
 * Puts messages in that are all due at one instant, and measures how fast they are handled from then on: `handled/s` and
 * `until the last s`.
 *
 * @throws Error when they are not all in before that
 */
export async function measureAllDueAtOnce(
  lab: Lab,
  place: Place,
  settings: PartiesSettings,
  { messages, leadMs }: { messages: number; leadMs: number },
): Promise<Turn> {
  const parties = await startParties(lab, place, settings);
  await parties.fill({ ...fillOf(WARM_UP), due: { leastMs: 0, mostMs: 500, seed: 1 } });
  await parties.untilHandled(WARM_UP);
  await parties.reset();
  const dueAt = Date.now() + leadMs;
  const sent = await parties.fill({ ...fillOf(messages), due: { dueAt } });
  if (Date.now() > dueAt)
    throw new Error(`${messages} messages were not in within ${leadMs} ms: it took ${sent.tookMs} ms.`);
  await sleep(dueAt - Date.now());
  await parties.untilHandled(messages, dueAt);
  const { latenessMs, lastAt, early, copies, handled } = together(await parties.taken());
  await parties.close();
  const seconds = (lastAt - dueAt) / 1_000;
  return {
    figures: {
      'handled/s': messages / seconds,
      'until the last s': seconds,
      early,
      copies: copies + handled - messages,
      refused: sent.refused,
      'put in/s': messages / (sent.tookMs / 1_000),
    },
    samples: latenessMs,
  };
}

const fillOf = (count: number) => ({ count, window: WINDOW, chunk: CHUNK });
