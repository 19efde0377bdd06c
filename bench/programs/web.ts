/** Web servers to compare with: express alone, and express that puts each order into BullMQ as one would write it. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import express from 'express';
import { openQueue } from '../techniques/bullmq';
import { serve } from './served';

/** What kind of server. */
export interface WebSettings {
  /** Where the jobs go; without one the orders go nowhere. */
  readonly redisPort?: number;
}

interface Order {
  readonly order_id: string;
  readonly expire_minutes?: number;
}

const MINUTE_MS = 60_000;

let server: Server | undefined;
let closeQueue = async () => {};

async function open({ redisPort }: WebSettings): Promise<string> {
  const queue =
    redisPort === undefined ? undefined : await openQueue<Order>({ port: redisPort }, { attempts: 10 });
  if (queue) closeQueue = () => queue.close();
  const app = express().use(express.json());
  app.post('/submit-order', async (req, res) => {
    const order: Order = req.body;
    const { order_id, expire_minutes = 30 } = order;
    const now = Date.now();
    const delay = expire_minutes * MINUTE_MS;
    await queue?.add('order', order, { delay, timestamp: now });
    res.status(202).json({
      msg: `order ${order_id} expires in ${expire_minutes} minutes unless it is paid`,
      id: order_id,
      due_at: new Date(now + delay).toISOString(),
    });
  });
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

serve({
  open,
  async close() {
    server?.close();
    server?.closeAllConnections();
    await closeQueue();
  },
});
