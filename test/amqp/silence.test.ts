/** A queue that has messages and pushes none is noticed, and nothing else is taken for that. */
import { setTimeout as sleep } from 'node:timers/promises';
import { watchForSilence } from '../../src/amqp/silence';
import { eventually } from '../broker/eventually';

const LOOK_MS = 10;
const LONG_MS = 15 * LOOK_MS;

let expecting: boolean;
let came: number;
let waiting: () => Promise<number>;
let silences: number[];
let errors: unknown[];
let stop: () => void;
beforeEach(() => {
  expecting = true;
  came = 0;
  waiting = async () => 7;
  silences = [];
  errors = [];
  stop = watchForSilence({
    lookMs: LOOK_MS,
    expecting: () => expecting,
    came: () => came,
    waiting: () => waiting(),
    onSilence: (messages) => void silences.push(messages),
    onError: (error) => void errors.push(error),
  });
});
afterEach(() => stop());

test('messages that wait look after look while none comes are silence', async () => {
  await eventually(() => expect(silences[0]).toBe(7));
  stop();
  const { length } = silences;
  await sleep(LONG_MS);
  expect(silences).toHaveLength(length);
});

test('an empty queue is not', async () => {
  waiting = async () => 0;
  await sleep(LONG_MS);
  expect(silences).toEqual([]);
});

test('nor is one from which something came, be it while it was asked', async () => {
  waiting = async () => {
    came++;
    return 7;
  };
  await sleep(LONG_MS);
  expect(silences).toEqual([]);
});

test('who expects nothing does not even ask', async () => {
  expecting = false;
  const asked = jest.fn(async () => 7);
  waiting = asked;
  await sleep(LONG_MS);
  expect([asked.mock.calls.length, silences]).toEqual([0, []]);
});

test('without an answer nothing is known, and one question at a time is enough', async () => {
  const asked = jest.fn(() => new Promise<number>(() => {}));
  waiting = asked;
  await sleep(LONG_MS);
  expect([asked.mock.calls.length, silences]).toEqual([1, []]);
});

test('a question that fails is asked again', async () => {
  waiting = async () => {
    throw new Error('closed');
  };
  await eventually(() => expect(errors.length).toBeGreaterThan(1));
  expect(silences).toEqual([]);
  waiting = async () => 7;
  await eventually(() => expect(silences[0]).toBe(7));
});
