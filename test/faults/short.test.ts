/** The short form of the fault suite: a few seconds of each of the worst, under a light load. */
import { setTimeout as sleep } from 'node:timers/promises';
import { scene } from './scene';
import { untilReady } from './stage';

const PAUSE_MS = 1_500;

scene(
  'a consumer, an API and the broker killed, and connections broken',
  async (stage) => {
    const { apis, consumers, proxy, fault } = stage;
    await sleep(PAUSE_MS);
    await fault('a consumer and an API killed', async () => {
      await Promise.all([consumers.shift()?.end('SIGKILL'), apis.shift()?.end('SIGKILL')]);
    });
    await sleep(PAUSE_MS);
    await fault('cut between publish and confirm', async () => {
      proxy.stall('from broker');
      await sleep(500);
      proxy.cut();
      proxy.heal();
    });
    await untilReady(stage);
    await sleep(PAUSE_MS);
    await fault('the broker killed', async () => {
      await stage.node().kill();
      await stage.restartNode();
    });
    await untilReady(stage);
    await sleep(PAUSE_MS);
  },
  { rate: 40, longestDelayMs: 8_000 },
);
