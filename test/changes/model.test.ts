/**
 * Random sequences of what callers and operators do, against a model of what must come of it: no message whose cancel was
 * answered is ever handled, none is handled early, none that was not cancelled goes missing, and none is handled twice
 * unless a broker was restarted.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { done } from '../../src/consumers/outcome';
import type { TargetRunner } from '../../src/consumers/runtime';
import { DelayBrokerError } from '../../src/errors';
import { type Changes, startChanges } from '../broker/changes';
import { eventually } from '../broker/eventually';
import { startTestNode } from '../broker/node';
import { createWorld, type Handling, type World } from '../broker/world';

const IDS = 6;
const id = fc.nat(IDS - 1);
const api = fc.nat(1);
const ofMessage = (kind: 'cancel' | 'runNow') => fc.record({ kind: fc.constant(kind), id, api });

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('schedule'),
      id,
      api,
      delayMs: fc.integer({ min: 0, max: 2_500 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('schedule other content'), id, api }) },
  { weight: 4, arbitrary: ofMessage('cancel') },
  { weight: 2, arbitrary: ofMessage('runNow') },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('reschedule'),
      id,
      api,
      delayMs: fc.integer({ min: 0, max: 2_500 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart consumer'), consumer: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart api'), api }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.nat(400) }) },
);

type Step = { kind: string; id: number; api: 0 | 1; delayMs: number; consumer: 0 | 1; ms: number };

/** What is known for certain of a message. */
interface Expected {
  readonly name: string;
  accepted: boolean;
  cancelled: boolean;
  /** It may be handled from then on. */
  notBefore: number;
}

const wheel = [10_000, 1_000, 100].map((unitMs) => ({ name: `${unitMs}ms`, unitMs, digits: 9 }));

let handled: Handling[];
let apis: Changes[];
let consumers: TargetRunner[];

const startConsumer = (world: World) =>
  world.consume('orders', async (message) => {
    handled.push({ message, at: Date.now() });
    return done;
  });

const startAll = async (world: World) => {
  handled = [];
  apis = [await startChanges(world), await startChanges(world)];
  consumers = [await startConsumer(world), await startConsumer(world)];
};

/** The answer; false for an error of ours, which says that nothing, or nothing certain, was done. */
const answered = async <T>(answer: Promise<T>): Promise<T | false> => {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DelayBrokerError) return false;
    throw error;
  }
};

async function act(world: World, { kind, ...step }: Step, expected: readonly Expected[]): Promise<void> {
  const on = apis[step.api] as Changes;
  const of = expected[step.id] as Expected;
  const now = Date.now();
  const request = (delayMs: number, payload: string) => ({
    to: 'orders',
    payload,
    dueAt: now + delayMs,
    own: { id: of?.name, fingerprint: payload },
  });
  if (kind === 'schedule') {
    const accepted = await answered(on.accept(request(step.delayMs, of.name)));
    if (accepted) {
      // Undisturbed, everybody knows at once or finds out in time.
      if (!of.accepted) of.notBefore = accepted.dueAt;
      of.accepted = true;
    }
  } else if (kind === 'schedule other content') {
    if (of.accepted) expect(await answered(on.accept(request(1_000, 'other')))).toBe(false);
  } else if (kind === 'cancel') {
    if ((await answered(on.cancel(of.name))) !== false) of.cancelled = true;
  } else if (kind === 'reschedule') {
    const moved = await answered(on.reschedule(of.name, now + step.delayMs));
    if (moved) of.notBefore = moved.dueAt;
  } else if (kind === 'runNow') {
    const moved = await answered(on.runNow(of.name));
    if (moved) of.notBefore = Math.min(of.notBefore, moved.dueAt);
  } else if (kind === 'restart consumer') {
    await consumers[step.consumer]?.drain(5_000);
    consumers[step.consumer] = await startConsumer(world);
  } else if (kind === 'restart api') {
    await on.close();
    apis[step.api] = await startChanges(world);
  } else await sleep(step.ms);
}

/** Waits until all that must be handled is, and everything that must not be could have been. */
async function settled(world: World, expected: readonly Expected[], run: string): Promise<Handling[]> {
  const due = expected.filter(({ accepted, cancelled }) => accepted && !cancelled).map(({ name }) => name);
  await eventually(
    () => expect(handled.map(({ message }) => message.id)).toEqual(expect.arrayContaining(due)),
    60_000,
  );
  const last = `${run} last`;
  await world.scheduler.schedule({ to: 'orders', payload: 1, id: last, dueAt: Date.now() + 2_600 });
  await eventually(() => expect(handled.map(({ message }) => message.id)).toContain(last), 60_000);
  return handled.filter(({ message }) => expected.some(({ name }) => name === message.id));
}

function check(handlings: readonly Handling[], expected: readonly Expected[], mostHandlings: number): void {
  for (const { name, accepted, cancelled, notBefore } of expected) {
    const own = handlings.filter(({ message }) => message.id === name);
    const counts = { name, accepted, cancelled, handlings: own.length };
    if (cancelled) expect(counts).toMatchObject({ handlings: 0 });
    else if (accepted) {
      expect(own.length).toBeGreaterThanOrEqual(1);
      expect(own.length).toBeLessThanOrEqual(mostHandlings);
      for (const { at } of own)
        expect({ ...counts, earlyMs: Math.max(0, notBefore - at) }).toMatchObject({ earlyMs: 0 });
    }
  }
  expect(handlings.filter(({ message, at }) => at < message.dueAt)).toEqual([]);
}

let runs = 0;
const expectations = (run: string): Expected[] =>
  Array.from({ length: IDS }, (_, i) => ({
    name: `${run}-${i}`,
    accepted: false,
    cancelled: false,
    notBefore: 0,
  }));

test('whatever is asked for, in whatever order, comes about', async () => {
  const world = await createWorld({ wheel, targets: ['orders'] });
  await startAll(world);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 25 }), async (steps) => {
      const run = `run${++runs}`;
      const expected = expectations(run);
      for (const each of steps) await act(world, each as Step, expected);
      check(await settled(world, expected, run), expected, 1);
    }),
    { numRuns: 12, endOnFailure: true },
  );
  for (const each of apis) await each.close();
  await world.close();
}, 300_000);

test('so it does across restarts of the broker, but for what is handled twice', async () => {
  const node = await startTestNode();
  const world = await createWorld({ ...node, wheel, targets: ['orders'] });
  await startAll(world);
  const [before = [], after = []] = fc.sample(fc.array(step, { minLength: 20, maxLength: 20 }), 2);
  const expected = expectations('restarted');
  for (const each of before) await act(world, each as Step, expected);
  await node.stop();
  const again = await node.restart();
  for (const each of after) await act(world, each as Step, expected);
  check(await settled(world, expected, 'restarted'), expected, 2);
  for (const each of apis) await each.close();
  await world.close();
  await again.stop();
  rmSync(node.dataDir, { recursive: true, force: true });
}, 300_000);
