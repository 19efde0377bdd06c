import { createJournal, type Journal } from './journal';
import { isGood, judge } from './judge';

const fault = { name: 'broker killed', from: 10_000, to: 15_000 };

const journal = (change: Partial<Journal>): Journal => ({
  ...createJournal(),
  accepted: [
    { n: 1, dueAt: 5_000, acceptedAt: 0 },
    { n: 2, dueAt: 11_000, acceptedAt: 0 },
  ],
  attempts: [
    { n: 1, at: 5_001, done: true },
    { n: 2, at: 17_000, done: true },
  ],
  faults: [fault],
  ...change,
});
const done = (n: number, at: number) => ({ n, at, done: true });

test('what was accepted and handled is good, and the fault says how long it took to get over it', () => {
  const judgement = judge(journal({}));
  expect(judgement).toMatchObject({ accepted: 2, handled: 2, parked: 0, cancelled: 0, copies: 0 });
  expect(judgement.recoveries).toEqual([{ fault: 'broker killed', delayed: 1, afterMs: 2_000 }]);
  expect(isGood(judgement)).toBe(true);
});

test.each<[string, Partial<Journal>, object]>([
  ['a message that nothing became of is lost', { attempts: [done(1, 5_001)] }, { lost: [2] }],
  [
    'a failed attempt alone does not handle a message',
    { attempts: [done(1, 5_001), { n: 2, at: 11_000, done: false }] },
    { lost: [2] },
  ],
  [
    'a handling before the due time is early',
    { attempts: [done(1, 4_999), done(2, 11_000)] },
    { early: [1] },
  ],
  [
    'so is an attempt that failed',
    { attempts: [{ n: 1, at: 4_999, done: false }, done(1, 6_000), done(2, 11_000)] },
    { early: [1] },
  ],
  ['a message handled after its cancel is resurrected', { cancelled: new Set([2]) }, { resurrected: [2] }],
  [
    'a copy long before any fault is unexplained',
    { attempts: [done(1, 5_001), done(1, 5_100), done(2, 11_000)] },
    { unexplained: [1], copies: 1 },
  ],
  [
    'a copy long after a fault is unexplained',
    { attempts: [done(1, 5_001), done(2, 60_000), done(2, 60_001)] },
    { unexplained: [2], copies: 1 },
  ],
  [
    'so is one of a message that was accepted only then',
    {
      accepted: [{ n: 2, dueAt: 70_000, acceptedAt: 50_000 }],
      attempts: [done(2, 70_000), done(2, 70_001)],
    },
    { unexplained: [2], copies: 1 },
  ],
  [
    'and one that comes long after the message was due',
    {
      accepted: [{ n: 2, dueAt: 70_000, acceptedAt: 12_000 }],
      attempts: [done(2, 70_000), done(2, 100_001)],
    },
    { unexplained: [2], copies: 1 },
  ],
  [
    'even when others were late at another time',
    {
      accepted: [
        { n: 1, dueAt: 70_000, acceptedAt: 12_000 },
        { n: 2, dueAt: 70_000, acceptedAt: 12_000 },
      ],
      attempts: [done(1, 144_000), done(2, 70_000), done(2, 150_000)],
    },
    { unexplained: [2], copies: 1 },
  ],
])('%s', (_, change, expected) => {
  const judgement = judge(journal(change));
  expect(judgement).toMatchObject(expected);
  expect(isGood(judgement)).toBe(false);
});

test.each<[string, Partial<Journal>, object]>([
  ['parked', { attempts: [done(1, 5_001)], parked: new Set([2]) }, { parked: 1, lost: [] }],
  ['cancelled', { attempts: [done(1, 5_001)], cancelled: new Set([2]) }, { cancelled: 1, lost: [] }],
  [
    'perhaps cancelled',
    { attempts: [done(1, 5_001)], perhapsCancelled: new Set([2]) },
    { cancelled: 0, lost: [] },
  ],
])('what is %s is not lost', (_, change, expected) => {
  const judgement = judge(journal(change));
  expect(judgement).toMatchObject(expected);
  expect(isGood(judgement)).toBe(true);
});

const hourMs = 3_600_000;

test.each<[string, Partial<Journal>, number[]]>([
  [
    'a handler whose clock is ahead is not early by it, whatever the time is',
    { attempts: [{ ...done(1, 4_999), handlersClock: 4_999 + hourMs }, done(2, 11_000)] },
    [],
  ],
  [
    'a handler whose clock is behind is early when that has not come to the due time',
    { attempts: [{ ...done(1, 5_001), handlersClock: 4_999 }, done(2, 11_000)] },
    [1],
  ],
  [
    'while a clock is put back, a handler may still go by what it said before',
    {
      accepted: [{ n: 1, dueAt: hourMs, acceptedAt: 0, clockAheadMs: hourMs }],
      attempts: [{ ...done(1, 500), handlersClock: 500 }],
      turns: [
        { from: 0, to: 1, aheadMs: hourMs },
        { from: 490, to: 499, aheadMs: 0 },
      ],
    },
    [],
  ],
  [
    'and long after that no more',
    {
      accepted: [{ n: 1, dueAt: hourMs, acceptedAt: 0, clockAheadMs: hourMs }],
      attempts: [{ ...done(1, 1_600), handlersClock: 1_600 }],
      turns: [
        { from: 0, to: 1, aheadMs: hourMs },
        { from: 490, to: 499, aheadMs: 0 },
      ],
    },
    [1],
  ],
])('%s', (_, change, early) => {
  expect(judge(journal(change)).early).toEqual(early);
});

test('a delay is measured by true time', () => {
  const accepted = [{ n: 1, dueAt: 11_000 + hourMs, acceptedAt: 0, clockAheadMs: hourMs }];
  const attempts = [{ ...done(1, 17_000), handlersClock: 17_000 + hourMs }];
  expect(judge(journal({ accepted, attempts })).recoveries).toEqual([
    { fault: 'broker killed', delayed: 1, afterMs: 2_000 },
  ]);
});

test.each([
  ['a message that waits for its next attempt was not delayed by a fault', 16_200, 0],
  ['one whose next attempt comes late was', 15_500, 1],
])('%s', (_, failedAt, delayed) => {
  const attempts = [done(1, 5_001), { n: 2, at: failedAt, done: false }, done(2, 17_000)];
  expect(judge(journal({ attempts })).recoveries).toMatchObject([{ delayed }]);
});

test('a copy that a fault explains is counted, and good', () => {
  const judgement = judge(journal({ attempts: [done(1, 9_900), done(1, 16_000), done(2, 17_000)] }));
  expect(judgement).toMatchObject({ copies: 1, unexplained: [] });
  expect(isGood(judgement)).toBe(true);
});

test('so is a copy of what was waiting during the fault, when it comes as soon as it is due', () => {
  const accepted = [{ n: 1, dueAt: 70_000, acceptedAt: 12_000 }];
  const judgement = judge(journal({ accepted, attempts: [done(1, 70_000), done(1, 70_001)] }));
  expect(judgement).toMatchObject({ copies: 1, unexplained: [] });
});

test('and when it comes out of a backlog, as late as others come at that time', () => {
  const accepted = [1, 2].map((n) => ({ n, dueAt: 70_000, acceptedAt: 12_000 }));
  const attempts = [done(1, 146_000), done(2, 70_000), done(2, 150_000)];
  expect(judge(journal({ accepted, attempts }))).toMatchObject({ copies: 1, unexplained: [] });
});

test('so is one that is made during the fault, and waits in a backlog', () => {
  const accepted = [
    { n: 1, dueAt: 30_000, acceptedAt: 12_000 },
    { n: 2, dueAt: 11_000, acceptedAt: 5_000 },
  ];
  const attempts = [done(1, 58_000), done(2, 14_000), done(2, 60_000)];
  expect(judge(journal({ accepted, attempts }))).toMatchObject({ copies: 1, unexplained: [] });
});

test('what nobody was promised may be handled or not', () => {
  expect(judge(journal({ attempts: [done(1, 5_001), done(2, 11_000), done(3, 1)] }))).toMatchObject({
    accepted: 2,
    handled: 2,
    early: [],
  });
});

test('a delay belongs to the fault before it', () => {
  const later = { name: 'consumer killed', from: 16_000, to: 16_000 };
  expect(judge(journal({ faults: [fault, later] })).recoveries).toEqual([
    { fault: 'broker killed', delayed: 0, afterMs: 0 },
    { fault: 'consumer killed', delayed: 1, afterMs: 1_000 },
  ]);
});
