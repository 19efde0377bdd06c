/** What waits long stays in the ledger, however much comes after it. */
import { OutcomeUnknownError, UnknownMessageError } from '../../src/errors';
import { createExtent } from '../../src/ledger/extent';
import { ledgerPublication } from '../../src/ledger/recorder';
import { keepLedger, type LedgerKeeperOptions } from '../../src/ledger/renewal';
import { type Changes, startChanges } from '../broker/changes';
import { eventually } from '../broker/eventually';
import { createWorld, type World } from '../broker/world';

/** Up to 2,000 seconds, in few queues. */
const wheel = [1_000_000, 100_000].map((unitMs) => ({ name: `${unitMs}ms`, unitMs, digits: 9 }));

let world: World;
let apis: Changes[];
const start = async () => {
  const extent = createExtent(1_000);
  const api = await startChanges(world, { extent });
  apis.push(api);
  return api;
};
const worldThatKeeps = (maxBytes: number) =>
  createWorld({
    wheel,
    targets: ['orders'],
    topology: { ledgerLimits: { maxBytes, segmentBytes: maxBytes / 10 } },
  });
beforeEach(async () => {
  world = await worldThatKeeps(100_000);
  apis = [];
});
afterEach(async () => {
  for (const api of apis) await api.close();
  await world.close();
});

const request = (id: string, payload: unknown, key = 'long') => ({
  to: 'orders',
  payload,
  dueAt: Date.now() + 1_000_000,
  key,
  own: { id, fingerprint: `fingerprint of ${id}` },
});

/** Messages that come and go. */
const traffic = async (api: Changes, round: number) => {
  for (let i = 0; i < 100; i++) {
    const id = `short-${round}-${i}`;
    const entry = { id, to: 'orders', delivery: id, attempt: 1, dueAt: Date.now(), at: Date.now() } as const;
    await world.publisher.publish(ledgerPublication({ kind: 'handled', ...entry }));
  }
  await api.ledger.find('nothing'); // all has been read
};

/** Keeps this ledger until it is told to end. */
const keep = async (ledger: LedgerKeeperOptions['ledger']) => {
  const ending = new AbortController();
  const keeping = keepLedger(
    {
      ledger,
      connection: await world.connect('keeper'),
      clock: Date.now,
      renewBehindBytes: 30_000,
      pauseMs: 20,
      logger: world.log,
    },
    ending.signal,
  );
  return {
    end: () => {
      ending.abort();
      return keeping;
    },
  };
};

test('a message that waits is found, the same, and can be changed by a process that has never seen its beginning', async () => {
  const keeper = await start();
  const payload = { order_id: 'A1', note: 'x'.repeat(300) };
  // One entry of the stream has both.
  const [long] = await Promise.all(['long', 'cancelled'].map((id) => keeper.accept(request(id, payload))));
  await keeper.cancel('cancelled');
  await keeper.accept(request('moved', payload));
  const movedTo = Date.now() + 1_100_000;
  await keeper.reschedule('moved', movedTo);

  const keeping = await keep(keeper.ledger);
  let late = await start();
  for (let round = 0; late.ledger.isComplete() || round < 12; round++) {
    await traffic(keeper, round);
    late = await start();
  }
  await keeping.end();

  expect(late.ledger.isComplete()).toBe(false);
  expect(late.ledger.view().list({ key: 'long', limit: 10 }).records).toMatchObject([
    { id: 'long', status: 'scheduled', dueAt: long?.dueAt },
    { id: 'moved', status: 'scheduled', dueAt: movedTo },
  ]);
  // What had come to its end was cut off.
  expect(late.ledger.view().get('cancelled')).toBeUndefined();
  expect(await late.accept(request('long', payload))).toMatchObject({ replayed: true, dueAt: long?.dueAt });
  const record = late.ledger.view().get('moved');
  const message = await late.ledger.messageAt(record?.offset ?? -1, 'moved');
  expect(message).toMatchObject({ id: 'moved', payload, dueAt: movedTo, delivery: record?.delivery });
  await late.reschedule('moved', Date.now() + 500_000);
  await late.cancel('long');
}, 120_000);

test('what cannot be written again is noticed while the reading goes on, and is tried again later', async () => {
  await world.close();
  world = await worldThatKeeps(1_000_000);
  const api = await start();
  const { ledger } = api;
  await api.accept(request('first', 1));
  // More than RabbitMQ sends at once comes between the two, and after them.
  for (let round = 0; round < 3; round++) await traffic(api, round);
  await api.accept(request('second', 2));
  for (let round = 3; round < 5; round++) await traffic(api, round);
  const offset = ledger.view().get('second')?.offset ?? Number.NaN;
  const tried: string[] = [];
  const keeping = await keep({
    ...ledger,
    settle(entry, message) {
      tried.push(entry.id);
      if (tried.length > 2) return ledger.settle(entry, message);
      return Promise.reject(new OutcomeUnknownError('not confirmed in time'));
    },
  });
  await eventually(() => expect(ledger.view().get('second')?.offset).toBeGreaterThan(offset));
  await keeping.end();
  expect(tried.slice(0, 4)).toEqual(['first', 'first', 'first', 'second']);
  const said = world.log.lines.filter(({ event }) => event === 'ledger not written again yet');
  expect(said).toMatchObject(Array(2).fill({ level: 'warn', error: 'not confirmed in time' }));
}, 60_000);

test('without anybody who keeps it, it is forgotten, and says so', async () => {
  const api = await start();
  await api.accept(request('long', 1));
  let late = await start();
  for (let round = 0; late.ledger.isComplete(); round++) {
    await traffic(api, round);
    late = await start();
  }
  await expect(late.cancel('long')).rejects.toBeInstanceOf(UnknownMessageError);
  await expect(late.cancel('long')).rejects.toThrow('as far back as the ledger goes');
}, 120_000);
