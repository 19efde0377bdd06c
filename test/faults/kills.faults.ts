/** Processes and the broker end without a word, one after the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FORM, scene } from './scene';
import { type Stage, untilReady } from './stage';

/** Between two faults, in milliseconds: messages that wait and messages that come have to meet each of them. */
const PAUSE_MS = 5_000;

/** SIGKILLs in turn: a consumer, an API, all consumers for a while, the broker. */
export async function kills(
  stage: Stage,
  { rounds, allGoneMs }: { rounds: number; allGoneMs: number },
): Promise<void> {
  const { apis, consumers, fault } = stage;
  for (let round = 0; round < rounds; round++) {
    await sleep(PAUSE_MS);
    await fault('a consumer killed', async () => consumers.shift()?.end('SIGKILL'));
    await stage.startConsumer();
    await sleep(PAUSE_MS);
    await fault('an API killed', async () => apis.shift()?.end('SIGKILL'));
    await stage.startApi();
    await sleep(PAUSE_MS);
    await fault('all consumers killed', async () => {
      const count = consumers.length;
      await Promise.all(consumers.splice(0).map((consumer) => consumer.end('SIGKILL')));
      await sleep(allGoneMs);
      for (let i = 0; i < count; i++) await stage.startConsumer();
    });
    await sleep(PAUSE_MS);
    await fault('the broker killed', async () => {
      await stage.node().kill();
      await stage.restartNode();
    });
    await untilReady(stage);
  }
  await sleep(PAUSE_MS);
}

scene('SIGKILLs', (stage) => kills(stage, { rounds: FORM.rounds, allGoneMs: 10_000 }));
