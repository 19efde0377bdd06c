/** Scene 6: what was declared is damaged by hand while everything runs, and mended by the bootstrap. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DUE_EXCHANGE, UNROUTABLE } from '../../src/topology';
import { eventually } from '../broker/eventually';
import { post } from '../broker/service';
import { scene } from './scene';
import { type Stage, untilReady } from './stage';

const PAUSE_MS = 3_000;
const BROKEN_MS = 3_000;

async function damaged(
  stage: Stage,
  name: string,
  damage: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  await sleep(PAUSE_MS);
  await stage.fault(name, async () => {
    const channel = await stage.connection.model.createChannel();
    await damage(channel);
    await channel.close();
    await sleep(BROKEN_MS);
    expect(await stage.declareTopology()).toBe(0);
  });
  await untilReady(stage);
}
type Channel = Awaited<ReturnType<Stage['connection']['model']['createChannel']>>;

scene('topology', async (stage) => {
  const [api] = stage.apis;
  await damaged(stage, 'a binding of the wheel removed', (channel) =>
    channel.unbindQueue('delay.hold.100ms', 'delay.in', '0.0.0.0.0.0.0.1.#'),
  );
  await damaged(stage, 'the binding of a target removed', (channel) =>
    channel.unbindQueue('webhooks', DUE_EXCHANGE, '*.*.*.*.*.*.*.*.webhooks'),
  );
  await damaged(stage, 'a holding queue deleted that holds nothing', (channel) =>
    channel.deleteQueue('delay.hold.30s'),
  );
  await damaged(stage, 'the stream of verdicts deleted', (channel) => channel.deleteQueue('delay.control'));
  await damaged(stage, 'the ledger deleted', (channel) => channel.deleteQueue('delay.ledger'));
  // What no binding took is set aside, and goes on when somebody says so.
  const url = (await api?.url()) ?? '';
  await eventually(async () => {
    const answer = await post(`${url}/v1/parked/${UNROUTABLE}/redrive`, {});
    expect(answer.status).toBe(200);
  });
});
