/** The network between the processes and the broker fails, in every way that TCP knows. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FORM, scene } from './scene';
import { type Stage, untilReady } from './stage';

const PAUSE_MS = 4_000;

/** Breaks the connections once in each way. */
export async function breakConnections(stage: Stage): Promise<void> {
  const { proxy, fault } = stage;
  const broken = async (name: string, begin: () => void, lastsMs: number, end = proxy.cut) => {
    await sleep(PAUSE_MS);
    await fault(name, async () => {
      begin();
      await sleep(lastsMs);
      end();
      proxy.heal();
    });
    await untilReady(stage);
  };
  await broken('connections cut', proxy.cut, 0);
  // What is published in this time arrives, and its confirm does not: requests, retries, events, what is parked.
  await broken('cut between publish and confirm', () => proxy.stall('from broker'), 1_000);
  // What is handled in this time is acknowledged, and the broker does not hear of it.
  await broken('cut between handling and acknowledgement', () => proxy.drop('to broker'), 1_000);
  await broken('half open for 15 s', () => proxy.stall(), 15_000);
  await broken('answers dropped for 15 s', () => proxy.drop('from broker'), 15_000);
  await broken(
    '100 ms slower for 5 s',
    () => proxy.delay(100),
    5_000,
    () => {},
  );
  await broken(
    '20 kB/s for 5 s',
    () => proxy.throttle(20_000),
    5_000,
    () => {},
  );
}

scene('connections', async (stage) => {
  for (let round = 0; round < FORM.rounds; round++) await breakConnections(stage);
});
