/** The judge: what a journal comes to. Pure. */
import type { Attempt, Fault, Journal } from './journal';

/** What a scene came to. */
export interface Judgement {
  readonly accepted: number;
  readonly handled: number;
  readonly parked: number;
  readonly cancelled: number;
  /** Accepted, and neither handled nor parked nor cancelled. */
  readonly lost: readonly number[];
  /** Handled before they were due, by the clock of the callee. */
  readonly early: readonly number[];
  /** Handled although a cancel was answered 200 before. */
  readonly resurrected: readonly number[];
  /** How many handlings there were beyond the first of each message. */
  readonly copies: number;
  /** Those of them that no fault explains. */
  readonly unexplained: readonly number[];
  readonly recoveries: readonly Recovery[];
}

/** How a fault was got over. */
export interface Recovery {
  readonly fault: string;
  /** How many messages were handled late from its beginning to that of the next. */
  readonly delayed: number;
  /** From its end until the last of them was handled, in milliseconds; 0 when they were all handled during it. */
  readonly afterMs: number;
}

/** Later than this counts as delayed, in milliseconds. */
const DELAYED_MS = 500;
/** A copy may come so long after the fault that made it, in milliseconds: broken connections, late confirms and waits add up. */
const AFTERMATH_MS = 30_000;
/** Judges a scene that is over. */
export function judge(journal: Journal): Judgement {
  const { accepted, attempts, cancelled, perhapsCancelled, parked, faults } = journal;
  const handlings = byMessage(attempts.filter(({ done }) => done));
  const dueAt = new Map(accepted.map((message) => [message.n, message.dueAt]));
  const numbers = [...dueAt.keys()];
  const isOver = (n: number) =>
    [handlings, parked, cancelled, perhapsCancelled].some((those) => those.has(n));
  const repeats = [...handlings].flatMap(([n, times]) => times.slice(1).map((at) => ({ n, at })));
  return {
    accepted: numbers.length,
    handled: numbers.filter((n) => handlings.has(n)).length,
    parked: parked.size,
    cancelled: cancelled.size,
    lost: numbers.filter((n) => !isOver(n)),
    early: [...new Set(attempts.filter(({ n, at }) => at < (dueAt.get(n) ?? 0)).map(({ n }) => n))],
    resurrected: [...cancelled].filter((n) => handlings.has(n)),
    copies: repeats.length,
    unexplained: repeats
      .filter((repeat) => !faults.some((fault) => explains(fault, repeat)))
      .map(({ n }) => n),
    recoveries: recoveriesOf(faults, handlings, dueAt),
  };
}

function byMessage(attempts: readonly Attempt[]): Map<number, number[]> {
  const times = new Map<number, number[]>();
  for (const { n, at } of [...attempts].sort((a, b) => a.at - b.at))
    times.set(n, [...(times.get(n) ?? []), at]);
  return times;
}

function explains({ from, to }: Fault, { at }: { at: number }): boolean {
  return at >= from && at <= to + AFTERMATH_MS;
}

function recoveriesOf(
  faults: readonly Fault[],
  handlings: ReadonlyMap<number, readonly number[]>,
  dueAt: ReadonlyMap<number, number>,
): Recovery[] {
  return faults.map(({ name, from, to }, i) => {
    const until = faults[i + 1]?.from ?? Number.POSITIVE_INFINITY;
    const delayed = [...handlings].flatMap(([n, [at = 0]]) => {
      const due = dueAt.get(n);
      return due !== undefined && at - due > DELAYED_MS && at >= from && at < until ? [at] : [];
    });
    return { fault: name, delayed: delayed.length, afterMs: Math.max(0, ...delayed.map((at) => at - to)) };
  });
}

/** Whether nothing happened that must not. */
export function isGood({ lost, early, resurrected, unexplained }: Judgement): boolean {
  return [lost, early, resurrected, unexplained].every(({ length }) => length === 0);
}
