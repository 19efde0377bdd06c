import { lateConfirms } from './late-confirms';

const line = (at: number, error?: string) => ({
  message: 'any',
  timestamp: new Date(at).toISOString(),
  ...(error && { error }),
});
const late = (at: number) =>
  line(at, 'RabbitMQ at mq:5672 did not confirm within 1500 ms; the message may …');
const refused = (at: number) =>
  line(at, 'RabbitMQ at mq:5672 does not keep up: its confirms take longer than 1500 ms.');

test('from the publish that waited first until the last one that was given up', () => {
  expect(
    lateConfirms([line(1_000), refused(9_000), late(5_000), line(60_000, 'POST mq answered 500')]),
  ).toEqual([{ name: 'confirms late', from: 3_500, to: 9_000 }]);
});

test('what is half a minute apart are two times', () => {
  expect(lateConfirms([late(5_000), refused(35_000), late(65_001), late(65_002)])).toEqual([
    { name: 'confirms late', from: 3_500, to: 35_000 },
    { name: 'confirms late', from: 63_501, to: 65_002 },
  ]);
});

test('none where they were in time', () => {
  expect(lateConfirms([line(1_000), line(2_000, 'POST mq answered 500')])).toEqual([]);
});
