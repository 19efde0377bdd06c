import { z } from 'zod';
import { guardHandler } from '../../src/consumers/handler';
import { done, reject, retry } from '../../src/consumers/outcome';
import type { Message } from '../../src/message';

const schema = z.strictObject({ order_id: z.string(), tries: z.int().default(1) });
const message = (payload: unknown): Message => ({
  id: 'm',
  to: 'orders',
  payload,
  dueAt: 0,
  acceptedAt: 0,
  attempt: 1,
  delivery: 'd',
});

test('a handler gets the payload as its schema makes it, and its outcome counts', async () => {
  const handler = jest.fn(async () => done);
  await expect(guardHandler(schema, handler, 1_000)(message({ order_id: 'A1' }))).resolves.toEqual(done);
  expect(handler).toHaveBeenCalledWith(message({ order_id: 'A1', tries: 1 }), expect.any(AbortSignal));
});

test.each<[unknown, string[]]>([
  [{}, ['payload.order_id: ']],
  [{ order_id: 1, tries: 'x' }, ['payload.order_id: ', 'payload.tries: ']],
  [{ order_id: 'A1', vip: true }, ['payload: ', 'vip']],
  [null, ['payload: ']],
  [[], ['payload: ']],
])('the payload %j is rejected by field, and no handler sees it', async (payload, named) => {
  const handler = jest.fn(async () => done);
  const outcome = await guardHandler(schema, handler, 1_000)(message(payload));
  expect(outcome.kind).toBe('reject');
  for (const name of named) expect(outcome).toMatchObject({ error: expect.stringContaining(name) });
  expect(handler).not.toHaveBeenCalled();
});

test.each([
  [
    'thrown at once',
    () => {
      throw new Error('busy');
    },
  ],
  [
    'thrown later',
    async () => {
      throw new Error('busy');
    },
  ],
  ['no error at all', () => Promise.reject('busy')],
])('%s counts as a failure to be tried again', async (_, handler) => {
  await expect(guardHandler(z.unknown(), handler, 1_000)(message(null))).resolves.toEqual(retry('busy'));
});

test('an outcome is handed on as it is', async () => {
  const guarded = guardHandler(z.unknown(), async () => reject('gone'), 1_000);
  await expect(guarded(message(null))).resolves.toEqual(reject('gone'));
});

test('at the time limit it is told to stop and tried again; what it does later does not count', async () => {
  let aborted = false;
  let fail = () => {};
  const guarded = guardHandler(
    z.unknown(),
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        fail = () => reject(new Error('too late to matter'));
      }),
    20,
  );
  await expect(guarded(message(null))).resolves.toEqual(retry('took longer than 20 ms'));
  expect(aborted).toBe(true);
  fail();
});

test('whoever finishes in time is not told to stop', async () => {
  jest.useFakeTimers();
  try {
    const handler = jest.fn(async (_message: unknown, _signal: AbortSignal) => done);
    await guardHandler(z.unknown(), handler, 20)(message(null));
    jest.advanceTimersByTime(1_000);
    expect(handler.mock.calls[0]?.[1].aborted).toBe(false);
  } finally {
    jest.useRealTimers();
  }
});
