/** Cancelling, rescheduling and one id once on a real broker: what counts is what is handled, how often and when. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createCancellation } from '../../src/changes/cancellation';
import { done, retry } from '../../src/consumers/outcome';
import { encodeControl } from '../../src/control/entry';
import {
  BrokerUnavailableError,
  IdTakenError,
  OutcomeUnknownError,
  TooLateError,
  UnknownMessageError,
} from '../../src/errors';
import { encodeMessage, idDueAt } from '../../src/message';
import { CONTROL, LEDGER } from '../../src/topology';
import { messageKey } from '../../src/verdicts/entry';
import { type Changes, GUARD_MS, persistently, startChanges } from '../broker/changes';
import { eventually } from '../broker/eventually';
import { createWorld, type Handling, type World } from '../broker/world';

/** Fewer queues than the wheel in use has are sooner declared. */
const wheel = [1_000_000, 100_000, 10_000, 1_000, 100].map((unitMs) => ({
  name: `${unitMs}ms`,
  unitMs,
  digits: 9,
}));

let world: World;
let apis: [Changes, Changes];
let handled: Handling[];

beforeEach(async () => {
  world = await createWorld({ wheel, targets: ['orders'] });
  apis = [await startChanges(world), await startChanges(world)];
  handled = [];
});
afterEach(async () => {
  await Promise.all(apis.map((api) => api.close()));
  await world.close();
});

const consume = () =>
  world.consume('orders', async (message) => {
    handled.push({ message, at: Date.now() });
    return done;
  });

const request = (id: string | undefined, delayMs: number, payload: unknown = { id }) => ({
  to: 'orders',
  payload,
  dueAt: Date.now() + delayMs,
  ...(id !== undefined && { own: { id, fingerprint: JSON.stringify(payload) } }),
});

const ids = () => handled.map(({ message }) => message.id).sort();
const early = () => handled.filter(({ message, at }) => at < message.dueAt);
const statusOf = (id: string, api = apis[0]) => api.ledger.view().get(id)?.status;
const channelOfWorld = async () => (await world.connect()).model.createChannel();
const deleteStream = async (name: string) => (await channelOfWorld()).deleteQueue(name);
async function declareStream(name: string): Promise<void> {
  const queue = world.topology.queues.find((each) => each.name === name);
  const channel = await channelOfWorld();
  await channel.assertQueue(name, { durable: true, arguments: queue?.arguments });
  await channel.bindQueue(name, name, '');
}
const dropped = (id: string) =>
  eventually(() =>
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ event: 'void, dropped', messageId: id }),
    ),
  );

test('a cancelled message is dropped when it comes, and those around it are handled', async () => {
  await consume();
  const [api, other] = apis;
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => api.accept(request(id, 5_000))));
  await other.cancel('b');
  await other.cancel('b');
  await dropped('b');
  await eventually(() => expect(ids()).toEqual(['a', 'c']));
  expect([a, b, c].map((accepted) => accepted?.replayed)).toEqual([false, false, false]);
  await eventually(() =>
    expect(['a', 'b', 'c'].map((id) => statusOf(id))).toEqual(['handled', 'cancelled', 'handled']),
  );
  await other.cancel('b');
});

test('what is due, in a moment or since long, cannot be cancelled, and what is unknown neither', async () => {
  const [api] = apis;
  await api.accept(request('soon', GUARD_MS - 100));
  await api.accept(request('due', 0));
  await expect(api.cancel('soon')).rejects.toThrow(/is due at .+, in less than 1000 ms/);
  await expect(api.cancel('due')).rejects.toThrow(/was due at/);
  await expect(api.cancel('due')).rejects.toBeInstanceOf(TooLateError);
  await expect(api.cancel('never')).rejects.toBeInstanceOf(UnknownMessageError);
  await consume();
  await eventually(() => expect(ids()).toEqual(['due', 'soon']));
  await eventually(() => expect(statusOf('due')).toBe('handled'));
  await expect(api.cancel('due')).rejects.toThrow(/was handled/);
});

test('a message that waits for its next attempt can be cancelled', async () => {
  const [api] = apis;
  let attempts = 0;
  await world.consume(
    'orders',
    async () => {
      attempts++;
      return retry('busy', 3_000);
    },
    { retryPolicy: { maxAttempts: 2, baseMs: 0, factor: 1, capMs: 0 } },
  );
  const { id } = await api.accept(request(undefined, 0));
  await eventually(() => expect(statusOf(id)).toBe('retrying'));
  await api.cancel(id);
  await dropped(id);
  expect(attempts).toBe(1);
});

test.each([
  ['far enough ahead to make one void', 2_000],
  ['at once', 0],
])('the same id at two processes at the same instant is handled once, due %s', async (_, delayMs) => {
  await consume();
  const all = Array.from({ length: 50 }, (_, i) => `id-${i}`);
  const requests = all.map((id) => request(id, delayMs));
  const answers = await Promise.all(
    requests.flatMap((each) => apis.map((api) => persistently(() => api.accept(each)))),
  );
  expect(answers).toHaveLength(100);
  await eventually(() => expect(new Set(ids()).size).toBe(50));
  // A copy would have been due by now, and messages of one target come in the order of their due times.
  const { id } = await apis[0].accept(request('last', 1_500));
  await eventually(() => expect(ids()).toContain(id));
  expect(ids()).toEqual([...all, 'last'].sort());
  expect(early()).toEqual([]);
});

test('the same request again is answered like the first, by whichever process; other content is not accepted', async () => {
  const [api, other] = apis;
  const first = request('a', 60_000);
  const { dueAt } = await api.accept(first);
  const later = { ...first, dueAt: first.dueAt + 5_000 };
  expect(await api.accept(later)).toEqual({ id: 'a', dueAt, replayed: true });
  await eventually(() => expect(statusOf('a', other)).toBe('scheduled'));
  expect(await other.accept(later)).toEqual({ id: 'a', dueAt, replayed: true });
  for (const each of apis)
    await expect(each.accept(request('a', 60_000, 'something else'))).rejects.toBeInstanceOf(IdTakenError);
  expect(world.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('an id is free again once its hold is over, even where its message was cancelled', async () => {
  // All processes have the same setting, else they would not agree.
  await Promise.all(apis.map((api) => api.close()));
  apis = [await startChanges(world, { idHoldMs: 0 }), await startChanges(world, { idHoldMs: 0 })];
  const [api, other] = apis;
  await consume();
  const { dueAt } = await api.accept(request('a', 5_000));
  await api.cancel('a');
  await dropped('a');
  await eventually(() => expect(Date.now()).toBeGreaterThan(dueAt));
  const again = await other.accept(request('a', 1_200, 'again'));
  expect(again.replayed).toBe(false);
  await eventually(() => expect(handled.map(({ message }) => message.payload)).toEqual(['again']));
});

test.each([
  ['later', 5_000, 7_000],
  ['earlier', 60_000, 3_000],
])('a message that is moved to %s is handled then, once', async (_, delayMs, newDelayMs) => {
  await consume();
  const [api, other] = apis;
  const { id } = await api.accept(request('a', delayMs));
  const newDueAt = Date.now() + newDelayMs;
  await eventually(() => expect(statusOf(id, other)).toBe('scheduled'));
  expect(await other.reschedule(id, newDueAt)).toEqual({ dueAt: newDueAt, status: 'scheduled' });
  await eventually(() => expect(ids()).toEqual(['a']));
  expect(handled[0]?.message).toMatchObject({ dueAt: newDueAt, payload: { id: 'a' } });
  expect(early()).toEqual([]);
  if (delayMs < newDelayMs) await dropped(id);
  await eventually(() => expect(statusOf(id)).toBe('handled'));
  await expect(api.reschedule(id, Date.now() + 5_000)).rejects.toThrow(/was handled/);
});

test('run now runs now, and leaves alone what is due anyway', async () => {
  await consume();
  const [api] = apis;
  await api.accept(request('a', 3_600_000));
  const calledAt = Date.now();
  const { dueAt } = await api.runNow('a');
  expect(dueAt).toBeGreaterThanOrEqual(calledAt);
  await eventually(() => expect(ids()).toEqual(['a']));
  const soon = await api.accept(request('b', 500));
  expect(await api.runNow('b')).toEqual({ dueAt: soon.dueAt, status: 'scheduled' });
  await eventually(() => expect(ids()).toEqual(['a', 'b']));
  expect(early()).toEqual([]);
});

test('what was moved before can be run now: what is known of the first move does not concern the second', async () => {
  await consume();
  const [api, other] = apis;
  const all = Array.from({ length: 20 }, (_, i) => `id-${i}`);
  await Promise.all(all.map((id) => api.accept(request(id, 600_000))));
  await Promise.all(all.map((id) => other.reschedule(id, Date.now() + 300_000)));
  await Promise.all(all.map((id) => api.runNow(id)));
  await eventually(() => expect(ids()).toEqual([...all].sort()));
  expect(early()).toEqual([]);
});

test('a moved message can be moved again and cancelled, and nothing of it is handled', async () => {
  await consume();
  const [api, other] = apis;
  await api.accept(request('a', 5_000));
  await api.reschedule('a', Date.now() + 5_300);
  await other.reschedule('a', Date.now() + 5_600);
  await api.cancel('a');
  await api.accept(request('last', 6_000));
  await eventually(() => expect(ids()).toEqual(['last']));
  await eventually(() => {
    const drops = world.log.lines.filter(
      ({ event, messageId }) => event === 'void, dropped' && messageId === 'a',
    );
    expect(drops).toHaveLength(3);
  });
});

test('of a cancel and a reschedule at the same instant one comes first, and both know which', async () => {
  await consume();
  const [api, other] = apis;
  const all = Array.from({ length: 20 }, (_, i) => `id-${i}`);
  await Promise.all(all.map((id) => api.accept(request(id, 5_000))));
  const outcomes = await Promise.all(
    all.map(async (id) => {
      const [cancelled, moved] = await Promise.allSettled([
        api.cancel(id),
        other.reschedule(id, Date.now() + 5_500),
      ]);
      return { id, cancelled: cancelled.status === 'fulfilled', moved: moved.status === 'fulfilled' };
    }),
  );
  await api.accept(request('last', 6_000));
  await eventually(() => expect(ids()).toContain('last'));
  const expected = outcomes.filter(({ cancelled }) => !cancelled).map(({ id }) => id);
  expect(ids()).toEqual([...expected, 'last'].sort());
  expect(outcomes.filter(({ cancelled, moved }) => !cancelled && !moved)).toEqual([]);
});

test('without a ledger an id that the service made can be cancelled', async () => {
  await consume();
  const cancellation = createCancellation({
    ledger: undefined,
    verdicts: apis[0].verdicts,
    owed: { give: async () => {} },
    clock: Date.now,
    guardMs: GUARD_MS,
  });
  const { id } = await world.scheduler.schedule({ to: 'orders', payload: 1, dueAt: Date.now() + 5_000 });
  await cancellation.cancel(id);
  await cancellation.cancel(id);
  await dropped(id);
  expect(handled).toEqual([]);
  await expect(cancellation.cancel(idDueAt(Date.now() + 500))).rejects.toBeInstanceOf(TooLateError);
});

test('a thousand cancels from 5 s to 0 s before the due time: none that was answered is handled, all others are, once', async () => {
  await consume();
  await consume();
  const cancelled = new Set<string>();
  /** A busy broker took too long to say. */
  const perhaps = new Set<string>();
  const all = Array.from({ length: 1_000 }, (_, i) => `id-${i}`);
  await Promise.all(
    all.map(async (id, i) => {
      const api = apis[i % 2] as Changes;
      const { dueAt } = await api.accept(request(id, 5_500 + Math.floor(Math.random() * 500)));
      await sleep(dueAt - Date.now() - Math.random() * 5_000);
      const other = apis[Math.floor(Math.random() * 2)] as Changes;
      await other.cancel(id).then(
        () => cancelled.add(id),
        (error) => {
          if (saysPerhaps(error)) perhaps.add(id);
          else expect(error).toBeInstanceOf(TooLateError);
        },
      );
    }),
  );
  expect(cancelled.size).toBeGreaterThan(0);
  expect(cancelled.size).toBeLessThan(1_000);
  const others = all.filter((id) => !cancelled.has(id) && !perhaps.has(id));
  expect(others.length).toBeGreaterThan(0);
  await eventually(() => expect(ids()).toEqual(expect.arrayContaining(others)));
  await apis[0].accept(request('last', 1_500));
  await eventually(() => expect(ids()).toContain('last'));
  expect(ids().filter((id) => !perhaps.has(id))).toEqual([...others, 'last'].sort());
  expect(ids()).toHaveLength(new Set(ids()).size);
  expect(early()).toEqual([]);
});

function saysPerhaps(error: unknown): boolean {
  return (
    [OutcomeUnknownError, BrokerUnavailableError].some((kind) => error instanceof kind) ||
    String(error).includes('may be handled all the same')
  );
}

/** Past the wheel, with verdicts to wait for. */
const deliver = (id: string, dueAt = Date.now()) =>
  world.publisher.publish({
    exchange: 'delay.due',
    routingKey: '0.0.0.0.0.orders',
    ...encodeMessage({ id, to: 'orders', payload: 1, dueAt, acceptedAt: dueAt, attempt: 1, delivery: id }),
  });

test('a consumer that finds 100,000 verdicts takes no message before it has read them', async () => {
  const until = Date.now() + 3_600_000;
  for (let i = 0; i < 100_000; i += 2_000) {
    await Promise.all(
      Array.from({ length: 2_000 }, (_, j) =>
        apis[0].verdicts.give(`void-${i + j}`, { revision: 1, valid: null, until, voids: 1 }),
      ),
    );
  }
  await deliver('void-99999');
  await deliver('valid');
  await consume();
  await eventually(() => expect(ids()).toEqual(['valid']));
  await dropped('void-99999');
});

test('a consumer whose verdicts cannot be read does not go on handling, until they can be read again', async () => {
  await consume();
  await deliver('before');
  await eventually(() => expect(ids()).toEqual(['before']));
  await deleteStream(CONTROL);
  // Later than everything that was proven before.
  await eventually(() =>
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ event: 'cancelled by the broker', stream: CONTROL }),
    ),
  );
  await deliver('stalled', Date.now() + 600);
  await eventually(async () =>
    expect(await world.look('queues', 'orders')).toMatchObject({ messages_unacknowledged: 1 }),
  );
  expect(ids()).toEqual(['before']);
  await declareStream(CONTROL);
  await eventually(() => expect(ids()).toEqual(['before', 'stalled']));
});

test('after the ledger was deleted and declared anew, what is accepted and changed counts, whatever was decided before', async () => {
  // Each entry of this comes before the verdicts, whose revisions the new stream will not reach by itself.
  await Promise.all(Array.from({ length: 50 }, () => apis[0].accept(request(undefined, 3_600_000))));
  for (const id of ['accepted', 'moved', 'cancelled']) {
    await apis[0].accept(request(id, 60_000));
    await apis[0].cancel(id);
  }
  await deleteStream(LEDGER);
  await declareStream(LEDGER);
  await eventually(() =>
    expect(apis.map(({ ledger }) => [ledger.caughtUp(), ledger.view().size()])).toEqual([
      [true, 0],
      [true, 0],
    ]),
  );
  // One process that read the old stream, and one that did not.
  await apis[1].close();
  apis[1] = await startChanges(world);
  await consume();
  const [api, started] = apis;
  await started.accept(request('accepted', 2_000));
  await api.accept(request('moved', 30_000));
  await started.accept(request('cancelled', 30_000));
  const moved = await started.reschedule('moved', Date.now() + 2_000);
  await api.reschedule('cancelled', Date.now() + 3_000);
  await started.cancel('cancelled');
  await dropped('cancelled');
  await eventually(() => expect(ids()).toEqual(['accepted', 'moved']));
  expect(handled.find(({ message }) => message.id === 'moved')?.message.dueAt).toBe(moved.dueAt);
  expect(early()).toEqual([]);
});

test('verdicts of other versions and garbage in the control stream are passed over', async () => {
  const write = (content: Buffer) =>
    world.publisher.publish({ exchange: CONTROL, routingKey: '', content, properties: { messageId: 'x' } });
  await write(Buffer.from('{"kind":"schedule","name":"sweep"}'));
  await write(Buffer.from([0xff, 0x00]));
  await write(encodeControl({ kind: 'dropped', messages: [messageKey('nobody')] }));
  await consume();
  await deliver('a');
  await eventually(() => expect(ids()).toEqual(['a']));
});
