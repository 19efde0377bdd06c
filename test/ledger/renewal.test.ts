/** What waits long stays in the ledger, however much comes after it. */
import { UnknownMessageError } from '../../src/errors';
import { createExtent } from '../../src/ledger/extent';
import { ledgerPublication } from '../../src/ledger/recorder';
import { keepLedger } from '../../src/ledger/renewal';
import { type Changes, startChanges } from '../broker/changes';
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
beforeEach(async () => {
  world = await createWorld({
    wheel,
    targets: ['orders'],
    topology: { ledgerLimits: { maxBytes: 100_000, segmentBytes: 10_000 } },
  });
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

test('a message that waits is found, the same, and can be changed by a process that has never seen its beginning', async () => {
  const keeper = await start();
  const payload = { order_id: 'A1', note: 'x'.repeat(300) };
  // One entry of the stream has both.
  const [long] = await Promise.all(['long', 'cancelled'].map((id) => keeper.accept(request(id, payload))));
  await keeper.cancel('cancelled');
  await keeper.accept(request('moved', payload));
  const movedTo = Date.now() + 1_100_000;
  await keeper.reschedule('moved', movedTo);

  const ending = new AbortController();
  const keeping = keepLedger(
    {
      ledger: keeper.ledger,
      connection: await world.connect('keeper'),
      clock: Date.now,
      renewBehindBytes: 30_000,
      pauseMs: 20,
      logger: world.log,
    },
    ending.signal,
  );
  let late = await start();
  for (let round = 0; late.ledger.isComplete() || round < 12; round++) {
    await traffic(keeper, round);
    late = await start();
  }
  ending.abort();
  await keeping;

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
