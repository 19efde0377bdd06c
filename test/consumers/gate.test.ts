import { createGate } from '../../src/consumers/gate';

const options = { clock: Date.now, handlers: 1, longestHoldMs: 1_000, patienceMs: 20, onOverload: () => {} };

test('what is due passes at once', async () => {
  const gate = createGate(options);
  await expect(gate.pass(0)).resolves.toBe('go');
  expect(gate.running()).toBe(1);
});

test('nothing passes before its time, however often it is tried', async () => {
  const gate = createGate({ ...options, handlers: 500 });
  const dueTimes = Array.from({ length: 500 }, (_, i) => Date.now() + (i % 50));
  const early = await Promise.all(
    dueTimes.map(async (dueAt) => ((await gate.pass(dueAt)) === 'go' && Date.now() >= dueAt ? 0 : 1)),
  );
  expect(early.filter(Boolean)).toEqual([]);
});

test('it looks at the clock again after waiting: one that was set back holds on', async () => {
  let now = 1_000;
  const gate = createGate({ ...options, clock: () => now });
  let passed = false;
  const passing = gate.pass(1_010).then(() => {
    passed = true;
  });
  now = 990;
  await new Promise((resolve) => setTimeout(resolve, 15)); // the first timer has fired by now
  expect(passed).toBe(false);
  now = 1_010;
  await passing;
  expect(passed).toBe(true);
});

test('whoever would be held for long after the clock was set back goes back to the queue', async () => {
  let now = 1_000;
  const gate = createGate({ ...options, clock: () => now });
  const passing = gate.pass(1_010);
  now -= 3_600_000;
  await expect(passing).resolves.toBe('back');
  expect([gate.held(), gate.running()]).toEqual([0, 0]);
});

test('handlers free themselves for those who wait, in their order', async () => {
  const gate = createGate({ ...options, patienceMs: 10_000 });
  const order: string[] = [];
  await gate.pass(0);
  const second = gate.pass(0).then(() => order.push('second'));
  const third = gate.pass(0).then(() => order.push('third'));
  expect([gate.running(), gate.waiting()]).toEqual([1, 2]);
  gate.leave();
  await second;
  gate.leave();
  await third;
  expect(order).toEqual(['second', 'third']);
  gate.leave();
  expect(gate.running()).toBe(0);
});

test('whoever waits in vain goes back, and the overload is reported', async () => {
  const onOverload = jest.fn();
  const gate = createGate({ ...options, onOverload });
  await gate.pass(0);
  await expect(gate.pass(0)).resolves.toBe('back');
  expect(onOverload).toHaveBeenCalledTimes(1);
});

test('whoever is patient waits for as long as it takes', async () => {
  const onOverload = jest.fn();
  const gate = createGate({ ...options, patienceMs: 1, onOverload });
  await gate.pass(0);
  const impatient = gate.pass(0);
  const patient = gate.pass(0, true);
  await expect(impatient).resolves.toBe('back');
  gate.leave();
  await expect(patient).resolves.toBe('go');
  expect(onOverload).toHaveBeenCalledTimes(1);
});

test('sent back: those held, those waiting, and once closed those who come', async () => {
  const gate = createGate({ ...options, patienceMs: 10_000 });
  await gate.pass(0);
  const waiting = gate.pass(0);
  const held = gate.pass(Date.now() + 10_000);
  gate.sendBack(true);
  await expect(Promise.all([waiting, held, gate.pass(0)])).resolves.toEqual(['back', 'back', 'back']);
  expect([gate.held(), gate.waiting(), gate.running()]).toEqual([0, 0, 1]);
});
