import { tellingLines } from '../../dev/start-failure';

const at = (level: string, text: string) => `2026-01-01 00:00:00.000000+00:00 [${level}] <0.132.0> ${text}`;

test('the first errors are told, once each, without time stamps, banners and empty lines', () => {
  const lines = [
    at('info', 'Feature flags: list of feature flags found:'),
    at('error', 'required feature flag not enabled!'),
    at('error', ''),
    at('error', 'BOOT FAILED'),
    at('error', '==========='),
    at('error', 'required feature flag not enabled!'),
    at('error', 'Error during startup: x'),
    ...Array.from({ length: 20 }, (_, i) => at('error', `    offender: ${i}`)),
    'Crash dump is being written',
  ];
  const told = tellingLines(lines);
  expect(told.slice(0, 3)).toEqual([
    'required feature flag not enabled!',
    'Error during startup: x',
    '    offender: 0',
  ]);
  expect(told).toHaveLength(8);
});

test('without errors, the last lines are told', () => {
  const lines = Array.from({ length: 12 }, (_, i) => at('info', `step ${i}`));
  expect(tellingLines([...lines, '', ''])).toEqual(lines.slice(4));
  expect(tellingLines(['sh: erl: not found', ''])).toEqual(['sh: erl: not found']);
  expect(tellingLines([])).toEqual([]);
});
