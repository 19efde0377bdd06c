/** What consumer processes did, as told by the events that they publish. */
import type { World } from './world';

/** An `order.expired` event. */
export interface OrderExpired {
  readonly order_id: string;
  readonly due_at: string;
  readonly handled_at: string;
}

/** From now on keeps every event in a queue. */
export async function keepEvents(world: World): Promise<void> {
  const channel = await (await world.connect()).model.createChannel();
  await channel.assertQueue('events');
  await channel.bindQueue('events', 'delay.events', '#');
  await channel.close();
}

/** Takes the kept events out of their queue, once there are as many as expected. */
export const eventsOf = async (world: World, count: number): Promise<OrderExpired[]> =>
  (await world.drainQueue('events', count)).map(({ content }) => JSON.parse(String(content)));

/** Those that were handled before their time. */
export const earlyOnes = (events: readonly OrderExpired[]): OrderExpired[] =>
  events.filter(({ due_at, handled_at }) => Date.parse(handled_at) < Date.parse(due_at));
