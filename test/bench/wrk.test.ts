import { resultOf } from '../../bench/load/wrk';

const told = (requests: number, failed: number) =>
  `Running 2s test\n  24 requests\n\n{"requests":${requests},"failed":${failed},"accepted":12000,"seconds":2,"percents":[50],"values":[306.9]}\n`;

test("what wrk's script prints is read among what wrk prints", () => {
  expect(resultOf(told(24, 0))).toEqual({
    requestsPerSecond: 12,
    acceptedPerSecond: 6_000,
    latency: { percents: [50], values: [306.9] },
  });
});

test.each([
  ['a failed request', told(24, 1), '1 of 24 requests failed'],
  ['no answer at all', told(0, 0), 'No request was answered'],
  ['no figures', 'Running 2s test\n', 'has said nothing'],
])('%s is no result', (_, output, message) => {
  expect(() => resultOf(output)).toThrow(message);
});
