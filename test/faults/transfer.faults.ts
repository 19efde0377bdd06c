/** Everything moves from one RabbitMQ to another while messages come, as docs/transfer.md says, and the transfer is killed now and then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection } from '../../src/amqp/connection';
import type { Subscription } from '../../src/amqp/subscription';
import { recordedLog } from '../broker/world';
import { sendAll } from './pending';
import { FORM, transferScene } from './scene';
import { observeRelay, untilReady } from './stage';

const PAUSE_MS = 5_000;
/** The messages that wait have numbers from here on, far from those of the load. */
const FIRST_WAITING = 100_000_000;
/** In milliseconds: longer than it takes to send and to move them. */
const DUE_IN_MS = 60_000 + FORM.moved * 3;
/** When the transfer is killed, in milliseconds after it has begun to move messages. */
const KILLED_AFTER_MS = [0, 1_500, 4_000];
const COPIED = 'transfer: the streams are copied, the messages follow';

transferScene(
  `moved to another broker with ${FORM.moved.toLocaleString('en')} waiting`,
  async (stage) => {
    const { apis, consumers, oldUrl, journal, notes } = stage;
    const atOld = { AMQP_URL: oldUrl };
    const logger = recordedLog();
    const connection = await openConnection({
      ...{ url: oldUrl, name: 'stage', connectWaitMs: 10_000, logger },
    });
    let relayed: Subscription | undefined;
    try {
      relayed = await observeRelay(connection, journal, logger);
      expect(await stage.declareTopology(atOld)).toBe(0);
      await stage.startConsumer(atOld);
      await stage.startConsumer(atOld);
      await stage.startApi(atOld);
      await stage.startApi(atOld);
      await sendAll(stage, {
        count: FORM.moved,
        firstNumber: FIRST_WAITING,
        firstDueAt: Date.now() + DUE_IN_MS,
      });
      await sleep(PAUSE_MS);

      const transfer = (...options: string[]) => stage.start('transfer.js', '--from', oldUrl, ...options);
      expect(await transfer('--streams').exited).toBe(0);
      await stage.fault('moved', async () => {
        const exits = await Promise.all(consumers.splice(0).map((consumer) => consumer.end()));
        expect(exits).toEqual([0, 0]);
        await stage.startApi();
        await stage.startApi();
        await untilReady(stage);
        expect(await Promise.all(apis.splice(0, 2).map((api) => api.end()))).toEqual([0, 0]);

        const startedAt = Date.now();
        for (const afterMs of KILLED_AFTER_MS) {
          const killed = transfer();
          await killed.logged(COPIED);
          await sleep(afterMs);
          expect(await killed.end('SIGKILL')).toBe(null);
        }
        const last = transfer();
        await last.logged(COPIED);
        await stage.startConsumer();
        await stage.startConsumer();
        expect(await last.exited).toBe(0);
        notes.push(
          `moved in ${Math.round((Date.now() - startedAt) / 1_000)} s`,
          last.log.at(-1)?.message ?? '',
        );
      });
      await sleep(PAUSE_MS);
    } finally {
      await relayed?.close();
      await connection.close();
    }
  },
  { apis: 0, consumers: 0, patienceMs: 10 * 60_000 },
);
