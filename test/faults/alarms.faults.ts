/** RabbitMQ is short of memory, then of disk; an API has no file handles left. */

import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { controlNode } from '../broker/node';
import { scene } from './scene';
import { type Stage, untilReady } from './stage';

const PAUSE_MS = 4_000;
const ALARM_MS = 30_000;

async function alarm(stage: Stage, name: string, raise: string[], clear: string[]): Promise<void> {
  await sleep(PAUSE_MS);
  await stage.fault(name, async () => {
    await controlNode(stage.nodeFiles, ...raise);
    await sleep(ALARM_MS);
    await controlNode(stage.nodeFiles, ...clear);
  });
  await untilReady(stage);
}

scene('alarms', async (stage) => {
  await alarm(
    stage,
    'memory alarm',
    ['set_vm_memory_high_watermark', '0.00001'],
    ['set_vm_memory_high_watermark', '0.6'],
  );
  await alarm(stage, 'disk alarm', ['set_disk_free_limit', '900000GB'], ['set_disk_free_limit', '50MB']);
});

scene(
  'file handles',
  async (stage) => {
    await sleep(PAUSE_MS);
    const port = Number(new URL((await stage.apis[0]?.url()) ?? '').port);
    await stage.fault('no file handles left in an API', async () => {
      const sockets: Socket[] = [];
      for (let i = 0; i < 300; i++) sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
      await sleep(5_000);
      for (const socket of sockets) socket.destroy();
    });
    await untilReady(stage);
    expect(stage.apis.map(({ process }) => process.exitCode)).toEqual([null, null]);
    await sleep(PAUSE_MS);
  },
  { fileHandles: 120 },
);
