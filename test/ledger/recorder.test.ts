/** What is recorded reaches the stream, all together where much of it comes at once, whatever the broker does. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Publication } from '../../src/amqp/publisher';
import { BrokerUnavailableError } from '../../src/errors';
import { decodeEntries } from '../../src/ledger/batch';
import type { LedgerEntry } from '../../src/ledger/entry';
import { createRecorder } from '../../src/ledger/recorder';
import { recordedLog } from '../broker/world';

const entryOf = (id: string): LedgerEntry => ({
  ...{ kind: 'handled', id, to: 'orders', delivery: id, attempt: 1, dueAt: 1_500, at: 1_700 },
});

/** A publisher whose confirms are given by hand. */
function heldPublisher() {
  const waiting: { confirm: () => void; refuse: () => void }[] = [];
  const published: string[][] = [];
  return {
    published,
    waiting,
    publish: (publication: Publication) =>
      new Promise<void>((resolve, reject) => {
        published.push(decodeEntries(publication).map(({ entry }) => entry.id));
        waiting.push({ confirm: resolve, refuse: () => reject(new BrokerUnavailableError('down')) });
      }),
    /** Answers what is under way. */
    async answer(how: 'confirm' | 'refuse') {
      waiting.shift()?.[how]();
      await setImmediate();
    },
  };
}

function recorderOn(publisher: ReturnType<typeof heldPublisher>) {
  const log = recordedLog();
  return { log, recorder: createRecorder({ publisher, logger: log }) };
}

test('what comes in one turn is written together, and what comes meanwhile with the next', async () => {
  const publisher = heldPublisher();
  const { recorder } = recorderOn(publisher);
  const done: string[] = [];
  const record = (id: string) => recorder.record(entryOf(id)).then(() => done.push(id));
  const first = [record('a'), record('b')];
  await setImmediate();
  expect(publisher.published).toEqual([['a', 'b']]);
  const later = [record('c'), record('d')];
  await setImmediate();
  expect([publisher.published.length, done]).toEqual([1, []]);

  await publisher.answer('confirm');
  await Promise.all(first);
  expect(publisher.published).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  expect(done).toEqual(['a', 'b']);
  await publisher.answer('confirm');
  await Promise.all(later);
  expect(done).toEqual(['a', 'b', 'c', 'd']);
});

test('what is recorded at the moment at which the writing ends is written', async () => {
  const publisher = heldPublisher();
  const { recorder } = recorderOn(publisher);
  const both = recorder.record(entryOf('a')).then(() => recorder.record(entryOf('b')));
  await setImmediate();
  await publisher.answer('confirm');
  await setImmediate();
  expect(publisher.published).toEqual([['a'], ['b']]);
  await publisher.answer('confirm');
  await both;
});

test('nobody waits for what cannot be written, and it is written later, in order', async () => {
  const publisher = heldPublisher();
  const { recorder, log } = recorderOn(publisher);
  const first = recorder.record(entryOf('a'));
  await setImmediate();
  const meanwhile = recorder.record(entryOf('b'));
  await publisher.answer('refuse');
  await Promise.all([first, meanwhile, recorder.record(entryOf('c'))]);
  expect(recorder.backlog()).toBe(3);

  while (publisher.published.length < 2) await sleep(5);
  expect(publisher.published.at(-1)).toEqual(['a', 'b', 'c']);
  await publisher.answer('confirm');
  expect(recorder.backlog()).toBe(0);
  expect(log.lines.map(({ event }) => event)).toEqual(['ledger not written yet', 'ledger written again']);
  expect(await recorder.drain(1_000)).toBe(true);
});

test('what is still under way at the end counts as lost, and holds nobody up', async () => {
  const publisher = heldPublisher();
  const { recorder, log } = recorderOn(publisher);
  const recorded = recorder.record(entryOf('a'));
  await setImmediate();
  expect(await recorder.drain(10)).toBe(false);
  await recorded;
  expect(log.lines).toContainEqual(expect.objectContaining({ event: 'ledger entries lost', count: 1 }));
});

test('more than a batch holds goes out in several at once, and of these what was not written is written again', async () => {
  const publisher = heldPublisher();
  const { recorder } = recorderOn(publisher);
  const ids = Array.from({ length: 600 }, (_, n) => `m${n}`);
  const recorded = Promise.all(ids.map((id) => recorder.record(entryOf(id))));
  while (publisher.published.length < 3) await setImmediate();
  expect(publisher.published.flat()).toEqual(ids);
  await publisher.answer('confirm');
  await publisher.answer('refuse');
  await publisher.answer('confirm');
  await recorded;
  expect(recorder.backlog()).toBe(250);
  while (publisher.published.length < 4) await sleep(5);
  expect(publisher.published[3]).toEqual(ids.slice(250, 500));
  await publisher.answer('confirm');
  expect(recorder.backlog()).toBe(0);
});

test('while it catches up whoever records waits until the next entries are written, not for all that are left', async () => {
  const publisher = heldPublisher();
  const { recorder } = recorderOn(publisher);
  const first = recorder.record(entryOf('a'));
  await setImmediate();
  await publisher.answer('refuse');
  await first;
  // So many that they are not written in one go.
  for (let n = 0; n < 4_500; n++) await recorder.record(entryOf(`m${n}`));
  while (publisher.published.length < 9) await sleep(5);
  for (let batch = 0; batch < 8; batch++) await publisher.answer('confirm');
  while (publisher.published.length < 17) await setImmediate();

  let isDone = false;
  const recorded = recorder.record(entryOf('b')).then(() => {
    isDone = true;
  });
  await sleep(5);
  expect(isDone).toBe(false);
  for (let batch = 0; batch < 7; batch++) await publisher.answer('confirm');
  publisher.waiting.shift()?.confirm();
  await recorded;
  const isWritten = () => publisher.published.at(-1)?.at(-1) === 'b';
  expect(isWritten()).toBe(false);
  while (!isWritten()) await setImmediate();
  while (publisher.waiting.length > 0) await publisher.answer('confirm');
  expect(recorder.backlog()).toBe(0);
});

test('under a load that is more than one batch after the other can take, it catches up', async () => {
  const log = recordedLog();
  let isBroken = true;
  // Each publish takes 20 ms: one at a time these are 12,500 entries a second at most.
  const publish = async () => {
    await sleep(20);
    if (isBroken) throw new BrokerUnavailableError('down');
  };
  const recorder = createRecorder({ publisher: { publish }, logger: log });
  let recorded = 0;
  let isLoaded = true;
  const client = async () => {
    for (; isLoaded; recorded++) {
      await recorder.record(entryOf(`m${recorded}`));
      await sleep(1);
    }
  };
  const clients = Array.from({ length: 1_000 }, client);
  while (recorder.backlog() < 5_000) await sleep(5);
  isBroken = false;
  while (recorder.backlog() > 0) await sleep(5);
  isLoaded = false;
  await Promise.all(clients);
  expect(await recorder.drain(5_000)).toBe(true);
  expect(log.lines.map(({ event }) => event)).not.toContain('ledger entries lost');
});

test('of too much that cannot be written the oldest is lost, but nothing that is under way; that is said once in a while', async () => {
  const publisher = heldPublisher();
  const { recorder, log } = recorderOn(publisher);
  void recorder.record(entryOf('under way'));
  await setImmediate();
  for (let n = 0; n < 50_003; n++) void recorder.record(entryOf(`m${n}`));
  expect(log.lines).toEqual([]);
  await publisher.answer('confirm');
  expect(log.lines).toEqual([
    expect.objectContaining({ event: 'ledger entries lost', count: 4, backlog: 50_000 - 1 }),
  ]);
  expect(publisher.published[1]?.[0]).toBe('m4');
  await recorder.drain(1);
});
