import type { Bench } from '../../bench/bench';
import { optionsOf } from '../../bench/options';

const bench = (name: string, inShort: boolean): Bench => ({
  ...{ name, inShort, about: '', peer: false },
  settings: () => ({}),
  run: async () => ({ series: [], comparisons: [] }),
});
const all = [bench('lateness', true), bench('burst', false)];
const chosen = (...args: string[]) => optionsOf(args, all).benches.map(({ name }) => name);

test('without a name all are run, in the short form those that are part of it', () => {
  expect(chosen()).toEqual(['lateness', 'burst']);
  expect(chosen('--short')).toEqual(['lateness']);
});

test('what is named is run, in the short form too', () => {
  expect(chosen('burst')).toEqual(['burst']);
  expect(chosen('--short', 'burst')).toEqual(['burst']);
});

test('there are three rounds, one in the short form, or as many as asked for', () => {
  const rounds = (...args: string[]) => optionsOf(args, all).rounds;
  expect([rounds(), rounds('--short'), rounds('--rounds', '5')]).toEqual([3, 1, 5]);
});

test.each([
  [['nothing'], 'There is no benchmark "nothing"; there are: lateness, burst.'],
  [['--rounds', '0'], '--rounds takes a whole number from 1 on, not "0".'],
  [['--rounds', 'many'], '--rounds takes a whole number from 1 on, not "many".'],
  [['--fast'], 'usage: npm run bench'],
])('%j is refused with what to do', (args, message) => {
  expect(() => optionsOf(args, all)).toThrow(message);
});
