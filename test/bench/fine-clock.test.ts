import { createFineClock } from '../../bench/fine-clock';

/** A machine whose steady clock goes on by 0.01 ms at each look, at either of its clocks. */
function machine() {
  let elapsedMs = 0;
  let movedMs = 0;
  const look = () => {
    elapsedMs += 0.01;
    return elapsedMs;
  };
  return {
    wall: () => Math.floor(1_700_000_000_000.4 + look() + movedMs),
    steady: () => look(),
    trueTime: () => 1_700_000_000_000.4 + elapsedMs + movedMs,
    pass: (ms: number) => {
      elapsedMs += ms;
    },
    move: (ms: number) => {
      movedMs += ms;
    },
  };
}

test('it tells the time of day between two milliseconds', () => {
  const { wall, steady, trueTime, pass } = machine();
  const clock = createFineClock(wall, steady);
  for (const ms of [0.3, 7.77, 1_000.5]) {
    pass(ms);
    expect(Math.abs(clock.now() - trueTime())).toBeLessThan(0.05);
  }
  expect(Math.abs(clock.driftMs())).toBeLessThan(0.05);
});

test.each([20, -20])('it follows when the time of day is moved by %d ms', (ms) => {
  const { wall, steady, trueTime, move } = machine();
  const clock = createFineClock(wall, steady);
  move(ms);
  expect(Math.abs(clock.now() - trueTime())).toBeLessThan(1.05);
  expect(Math.abs(clock.driftMs() - ms)).toBeLessThan(1.05);
});
