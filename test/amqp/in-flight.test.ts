import { createInFlight, type InFlight, type Sent } from '../../src/amqp/in-flight';

let now: number;
let inFlight: InFlight;
beforeEach(() => {
  now = 0;
  inFlight = createInFlight({ most: 3, lateAfterMs: 1_000, clock: () => now });
});

const send = (messageId = 'm'): Sent => inFlight.add({ exchange: 'e', routingKey: 'k', messageId });

test('as many as allowed are in flight and no more, until one is answered or was not sent after all', () => {
  const sent = [send(), send()];
  expect(inFlight.trouble()).toBeUndefined();
  const third = send();
  expect(inFlight.trouble()).toBe('full');
  inFlight.answered(sent[1] as Sent);
  expect(inFlight.trouble()).toBeUndefined();
  send();
  expect(inFlight.trouble()).toBe('full');
  inFlight.forget(third);
  expect(inFlight.trouble()).toBeUndefined();
});

test('one that is late counts against the limit until it is answered', () => {
  send();
  send();
  send();
  now = 60_000;
  expect(inFlight.trouble()).toBe('full');
});

test('confirms are late when the oldest is overdue, and no longer once it has come', () => {
  const oldest = send();
  now = 1_000;
  send();
  expect(inFlight.trouble()).toBeUndefined();
  now = 1_001;
  expect(inFlight.trouble()).toBe('late');
  inFlight.answered(oldest);
  expect(inFlight.trouble()).toBeUndefined();
  now = 2_001;
  expect(inFlight.trouble()).toBe('late');
});

test('a confirm that later ones have overtaken does not make the broker late', () => {
  const hanging = send();
  now = 500;
  inFlight.answered(send());
  now = 1_500;
  expect(inFlight.trouble()).toBeUndefined();
  const next = send();
  inFlight.answered(hanging);
  now = 2_501;
  expect(inFlight.trouble()).toBe('late');
  inFlight.answered(next);
  expect(inFlight.trouble()).toBeUndefined();
});

test('what was not sent after all says nothing about those before it', () => {
  send();
  now = 1_001;
  inFlight.forget(send());
  expect(inFlight.trouble()).toBe('late');
});

test('a broker that is late is tried once more after five seconds without anything sent', () => {
  send();
  now = 4_999;
  expect(inFlight.trouble()).toBe('late');
  now = 5_000;
  expect(inFlight.trouble()).toBeUndefined();
  const tried = send();
  expect(inFlight.trouble()).toBe('late');
  inFlight.answered(tried);
  expect(inFlight.trouble()).toBeUndefined();
});

test('a return is noted for the first message that it fits and that has none yet', () => {
  const [other, first, second] = [send('other'), send(), send()];
  const noteReturn = (routingKey = 'k') =>
    inFlight.noteReturn({ exchange: 'e', routingKey, messageId: 'm' }, 'NO_ROUTE');
  const returned = () => [other, first, second].map((sent) => sent?.returned);
  noteReturn('another key');
  expect(returned()).toEqual([undefined, undefined, undefined]);
  noteReturn();
  expect(returned()).toEqual([undefined, 'NO_ROUTE', undefined]);
  noteReturn();
  expect(returned()).toEqual([undefined, 'NO_ROUTE', 'NO_ROUTE']);
});

test('the oldest is the one that has waited longest, overtaken or not', () => {
  expect(inFlight.oldest()).toBeUndefined();
  const [first, second] = [send('first'), send('second')];
  inFlight.answered(second as Sent);
  expect(inFlight.oldest()).toBe(first);
  inFlight.answered(first as Sent);
  expect(inFlight.oldest()).toBeUndefined();
});
