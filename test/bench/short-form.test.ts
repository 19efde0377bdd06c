import { idleShare } from '../../bench/quiet';
import { judge } from '../../bench/short-form';

/** Judges a machine as idle as this at each look, and measurements that come out so. */
async function judged(idle: number[], outcomes: boolean[]) {
  const said: string[] = [];
  let measured = 0;
  const judgement = await judge({
    measure: async () => outcomes[measured++] ?? false,
    idle: async () => idle.shift() ?? 1,
    say: (line) => said.push(line),
  });
  return { judgement, measured, said };
}

test('what is within its bounds stands, however busy the machine', async () => {
  expect(await judged([0.1], [true])).toMatchObject({ judgement: 'stands', measured: 1 });
});

test('what is within them when measured again stands', async () => {
  expect(await judged([], [false, false, true])).toMatchObject({ judgement: 'stands', measured: 3 });
});

test('what is beyond them three times on an idle machine has fallen', async () => {
  expect(await judged([0.9, 0.7, 1], [])).toMatchObject({ judgement: 'fell', measured: 3 });
});

test('on a machine that was busy nothing is said to have fallen', async () => {
  const { judgement, said } = await judged([0.9, 0.3, 1], []);
  expect(judgement).toBe('not judged');
  expect(said).toContain('the machine is busy: 30 % of it is idle');
});

test('the idle share is of the time between two looks', () => {
  expect(idleShare({ idle: 100, all: 1_000 }, { idle: 130, all: 1_040 })).toBe(0.75);
});
