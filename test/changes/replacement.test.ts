/** Replacing on a real broker, by two processes: what counts is what is handled. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { done } from '../../src/consumers/outcome';
import { TooLateError, UnknownMessageError } from '../../src/errors';
import { type Changes, persistently, startChanges } from '../broker/changes';
import { eventually } from '../broker/eventually';
import { createWorld, type Handling, type World } from '../broker/world';

/** Fewer queues than the wheel in use has are sooner declared. */
const wheel = [100_000, 10_000, 1_000, 100].map((unitMs) => ({ name: `${unitMs}ms`, unitMs, digits: 9 }));

let world: World;
let apis: [Changes, Changes];
let handled: Handling[];

beforeEach(async () => {
  world = await createWorld({ wheel, targets: ['emails'] });
  apis = [await startChanges(world), await startChanges(world)];
  handled = [];
  await world.consume('emails', async (message) => {
    handled.push({ message, at: Date.now() });
    return done;
  });
});
afterEach(async () => {
  await Promise.all(apis.map((api) => api.close()));
  await world.close();
});

const request = (name: string, content: string, dueAt: number) => ({
  ...{ name, to: 'emails', payload: content, dueAt },
  fingerprint: `${content} ${dueAt}`,
});

const handledIds = () => handled.map(({ message }) => message.id);
const contents = () => handled.map(({ message }) => message.payload);

/** Waits until all has been handled that is due by this time and was accepted before. */
const allUntil = async (dueAt: number) => {
  const { id } = await apis[0].accept({ to: 'emails', payload: 'last', dueAt: dueAt + 500 });
  await eventually(() => expect(handledIds()).toContain(id), 30_000);
  handled = handled.filter(({ message }) => message.id !== id);
};

test.each([
  ['later', 4_000, 6_000],
  ['earlier', 6_000, 4_000],
])('what is moved %s by another process is handled then, once', async (_, firstMs, secondMs) => {
  const now = Date.now();
  const [api, other] = apis;
  await api.replace(request('m', 'first', now + firstMs));
  const second = await other.replace(request('m', 'second', now + secondMs));
  expect(second).toMatchObject({ replayed: false, tooLateForOther: false });
  await allUntil(now + 6_000);
  expect(contents()).toEqual(['second']);
  expect(handled.filter(({ message, at }) => at < message.dueAt)).toEqual([]);
});

test('what is moved away and back is handled at its first time, once', async () => {
  const dueAt = Date.now() + 4_000;
  const [api, other] = apis;
  const ids = [
    await api.replace(request('m', 'here', dueAt)),
    await other.replace(request('m', 'there', dueAt + 60_000)),
    await api.replace(request('m', 'here', dueAt)),
    await other.replace(request('m', 'here', dueAt)),
  ].map(({ id }) => id);
  expect(ids[3]).toBe(ids[2]);
  expect(new Set(ids).size).toBe(3);
  await allUntil(dueAt);
  expect(handledIds()).toEqual([ids[2]]);
});

test('after it was handled, the same makes no message, and anything else does', async () => {
  const [api, other] = apis;
  const now = Date.now();
  const { id } = await api.replace(request('m', 'first', now));
  await eventually(() => expect(contents()).toEqual(['first']));
  expect(await other.replace(request('m', 'first', now))).toMatchObject({ id, replayed: true });
  await expect(other.cancelLatest('m', 'emails')).rejects.toBeInstanceOf(TooLateError);
  await other.replace(request('m', 'second', now));
  await allUntil(Date.now());
  expect(contents()).toEqual(['first', 'second']);
});

test('cancelled by one process, it is handled only if it is asked for again', async () => {
  const dueAt = Date.now() + 4_000;
  const [api, other] = apis;
  const { id } = await api.replace(request('m', 'm', dueAt));
  await api.replace(request('n', 'n', dueAt));
  for (const name of ['m', 'n']) await other.cancelLatest(name, 'emails');
  const again = await api.replace(request('n', 'n', dueAt));
  expect(again.replayed).toBe(false);
  expect(await api.cancelLatest('m', 'emails')).toBe(id);
  await expect(api.cancelLatest('o', 'emails')).rejects.toBeInstanceOf(UnknownMessageError);
  await allUntil(dueAt);
  expect(handledIds()).toEqual([again.id]);
});

test('what a process has left that died before it had cancelled the one before is cancelled by another', async () => {
  const dueAt = Date.now() + 5_000;
  const [api, other] = apis;
  const first = await api.replace(request('m', 'first', dueAt));
  const { name, fingerprint, ...second } = request('m', 'second', dueAt);
  const id = `m:${Number(first.id.slice('m:'.length)) + 1}`;
  await api.accept({ ...second, key: name, own: { id, fingerprint } });
  expect(await other.replace(request('m', 'second', dueAt))).toEqual({
    ...{ id, dueAt, replayed: true, tooLateForOther: false },
  });
  await allUntil(dueAt);
  expect(contents()).toEqual(['second']);
});

const NAMES = Array.from({ length: 20 }, (_, i) => `m${i}`);

test('of two things asked for at the same instant of two processes, one is handled', async () => {
  const dueAt = Date.now() + 8_000;
  const answers = await Promise.all(
    NAMES.flatMap((name) => apis.map((api, i) => api.replace(request(name, `${name} by ${i}`, dueAt)))),
  );
  expect(answers.filter(({ replayed }) => replayed)).toEqual([]);
  await allUntil(dueAt);
  expect(
    contents()
      .map((content) => String(content).split(' ')[0])
      .sort(),
  ).toEqual([...NAMES].sort());
});

test.each([
  ['in a while', 4_000],
  ['now', 0],
])('the same asked for at the same instant of two processes is handled once, due %s', async (_, delayMs) => {
  const dueAt = Date.now() + delayMs;
  const requests = NAMES.map((name) => request(name, name, dueAt));
  await Promise.all(requests.flatMap((each) => apis.map((api) => persistently(() => api.replace(each)))));
  await allUntil(Math.max(dueAt, Date.now() + 1_500));
  expect(contents().sort()).toEqual([...NAMES].sort());
});

/** What is known for certain of a name. */
interface Expected {
  readonly name: string;
  latest?: { readonly id: string; readonly content: number; cancelled: boolean };
  /** What was too late to be stopped, or had been handled before. */
  readonly past: string[];
}

const common = { name: fc.nat(3), api: fc.nat(1) };
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('replace' as const), ...common, content: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), ...common }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), ...common }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ...common }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

async function act(each: Step, expected: readonly Expected[], startedAt: number): Promise<void> {
  const api = apis[each.api] as Changes;
  const of = expected[each.name] as Expected;
  const before = of.latest;
  if (each.kind === 'replace') {
    const { content } = each;
    const answer = await api.replace(
      request(of.name, `content ${content}`, startedAt + 500 + content * 1_500),
    );
    const same = before !== undefined && before.content === content && !before.cancelled;
    expect({ replayed: answer.replayed, same }).toEqual({ replayed: same, same });
    if (same) return expect(answer.id).toBe(before.id);
    if (before && (answer.tooLateForOther || handledIds().includes(before.id))) of.past.push(before.id);
    of.latest = { id: answer.id, content, cancelled: false };
  } else if (each.kind === 'cancel') {
    const error = await api.cancelLatest(of.name, 'emails').catch((why) => why);
    if (!before) return expect(error).toBeInstanceOf(UnknownMessageError);
    if (error instanceof Error) expect(error).toBeInstanceOf(TooLateError);
    // One before it may have been due while the latest was not.
    if (!String(error).includes(`"${before.id}"`)) of.latest = { ...before, cancelled: true };
  } else if (each.kind === 'restart') {
    await api.close();
    apis[each.api as 0 | 1] = await startChanges(world);
  } else await sleep(300);
}

let runs = 0;

test('whatever is asked for, in whatever order and of whichever process, the latest is handled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), async (steps) => {
      const run = `run${++runs}`;
      const expected: Expected[] = Array.from({ length: 4 }, (_, i) => ({ name: `${run}-${i}`, past: [] }));
      const startedAt = Date.now();
      for (const each of steps) await act(each, expected, startedAt);
      await allUntil(Math.max(Date.now(), startedAt + 5_000));
      for (const { name, latest, past } of expected) {
        const ids = handledIds().filter((id) => id.startsWith(`${name}:`));
        const due = latest && !latest.cancelled ? [latest.id] : [];
        expect({ name, ids: ids.filter((id) => !past.includes(id)) }).toEqual({ name, ids: due });
        expect(new Set(ids).size).toBe(ids.length);
      }
    }),
    { numRuns: 6, endOnFailure: true },
  );
}, 200_000);
