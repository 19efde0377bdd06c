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

test('of too much that cannot be written the oldest is lost, but nothing that is under way', async () => {
  const publisher = heldPublisher();
  const { recorder, log } = recorderOn(publisher);
  void recorder.record(entryOf('under way'));
  await setImmediate();
  for (let n = 0; n < 50_000; n++) void recorder.record(entryOf(`m${n}`));
  expect(log.lines).toEqual([expect.objectContaining({ event: 'ledger entry lost' })]);
  await publisher.answer('confirm');
  expect(publisher.published[1]?.[0]).toBe('m1');
  await recorder.drain(1);
});
