/** The judge: what a journal comes to. Pure. */
import { type Accepted, type Attempt, type Fault, type Journal, type Turn, trulyDueAt } from './journal';

/** What a scene came to. */
export interface Judgement {
  readonly accepted: number;
  readonly handled: number;
  readonly parked: number;
  readonly cancelled: number;
  /** Accepted, and neither handled nor parked nor cancelled. */
  readonly lost: readonly number[];
  /** Handled before they were due, by the handler's own clock. */
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
  /** How many messages were handled late from its beginning to that of the next; that a message failed by itself does not count. */
  readonly delayed: number;
  /** From its end until the last of them was handled, in milliseconds; 0 when they were all handled during it. */
  readonly afterMs: number;
}

/** Later than this counts as delayed, in milliseconds: what failed on purpose waits up to half of it for its next attempt. */
const DELAYED_MS = 1_000;
/** A copy may be made so long after a fault, or come so long after it is due, in milliseconds: broken connections, late confirms and waits add up. */
const AFTERMATH_MS = 30_000;
/** Messages that are handled within this time of each other went through the same backlog, in milliseconds. */
const SAME_TIME_MS = 5_000;
/** A handler may have looked at the clock so long before the callee saw its call, in milliseconds. */
const CALLED_WITHIN_MS = 1_000;

/** What was accepted and has not come to its end. */
export function unfinished({ accepted, attempts, ...journal }: Journal): number[] {
  const handled = new Set(attempts.filter(({ done }) => done).map(({ n }) => n));
  const ends = [handled, journal.parked, journal.cancelled, journal.perhapsCancelled];
  return accepted.flatMap(({ n }) => (ends.some((those) => those.has(n)) ? [] : [n]));
}

/** Judges a scene that is over. */
export function judge(journal: Journal): Judgement {
  const { accepted, attempts, cancelled, parked, faults, turns } = journal;
  const handlings = byMessage(attempts.filter(({ done }) => done));
  const failures = byMessage(attempts.filter(({ done }) => !done));
  const messages = new Map(accepted.map((message) => [message.n, message]));
  const numbers = [...messages.keys()];
  const isEarly = (attempt: Attempt) => handlersClock(attempt, turns) < (messages.get(attempt.n)?.dueAt ?? 0);
  const isDelayed = (n: number, at: number) => {
    const message = messages.get(n);
    const failedAt = failures.get(n)?.filter((failure) => failure <= at) ?? [];
    return message !== undefined && at - Math.max(trulyDueAt(message), ...failedAt) > DELAYED_MS;
  };
  const latenessOfOthers = latenessAmong(handlings, messages);
  const repeats = [...handlings].flatMap(([n, times]) => times.slice(1).map((at) => ({ n, at })));
  return {
    accepted: numbers.length,
    handled: numbers.filter((n) => handlings.has(n)).length,
    parked: parked.size,
    cancelled: cancelled.size,
    lost: unfinished(journal),
    early: [...new Set(attempts.filter(isEarly).map(({ n }) => n))],
    resurrected: [...cancelled].filter((n) => handlings.has(n)),
    copies: repeats.length,
    unexplained: repeats
      .filter(
        ({ n, at }) =>
          !faults.some((fault) => explains(fault, at, messages.get(n), () => latenessOfOthers(n, at))),
      )
      .map(({ n }) => n),
    recoveries: recoveriesOf(faults, handlings, isDelayed),
  };
}

/** While a clock is turned, a call may still go by what it said before. */
function handlersClock({ at, handlersClock: clock = at }: Attempt, turns: readonly Turn[]): number {
  return turns.reduce((latest, { from, to }, i) => {
    const justTurned = at >= from && at <= to + CALLED_WITHIN_MS;
    return justTurned ? Math.max(latest, at + (turns[i - 1]?.aheadMs ?? 0)) : latest;
  }, clock);
}

function byMessage(attempts: readonly Attempt[]): Map<number, number[]> {
  const times = new Map<number, number[]>();
  for (const { n, at } of [...attempts].sort((a, b) => a.at - b.at))
    times.set(n, [...(times.get(n) ?? []), at]);
  return times;
}

/** Tells how late others than a message were, at most, at the time of this copy of it. */
function latenessAmong(
  handlings: ReadonlyMap<number, readonly number[]>,
  messages: ReadonlyMap<number, Accepted>,
): (n: number, at: number) => number {
  // By time, as a look at all of a million for each copy would take many minutes.
  const slots = new Map<number, { readonly n: number; readonly at: number; readonly lateMs: number }[]>();
  const slotOf = (at: number) => Math.floor(at / SAME_TIME_MS);
  for (const [n, [at = 0]] of handlings) {
    const message = messages.get(n);
    if (!message) continue;
    const first = { n, at, lateMs: at - trulyDueAt(message) };
    const slot = slots.get(slotOf(at));
    if (slot) slot.push(first);
    else slots.set(slotOf(at), [first]);
  }
  return (n, at) =>
    [-1, 0, 1]
      .flatMap((apart) => slots.get(slotOf(at) + apart) ?? [])
      .filter((other) => other.n !== n && Math.abs(other.at - at) <= SAME_TIME_MS)
      .reduce((latest, { lateMs }) => Math.max(latest, lateMs), 0);
}

/**
 * A fault makes copies of what waits or is on its way while it lasts. One of what waits comes when that is due; and each as late as others are at
 * that time, out of a backlog.
 */
function explains(
  { from, to }: Fault,
  copyAt: number,
  message: Accepted | undefined,
  latenessOfOthers: () => number,
): boolean {
  const madeUntil = to + AFTERMATH_MS;
  if (copyAt < from || (message && message.acceptedAt > madeUntil)) return false;
  const comesUntil = message ? Math.max(madeUntil, trulyDueAt(message) + AFTERMATH_MS) : madeUntil;
  // Asked only where it is needed: that looks at many handlings.
  return copyAt <= comesUntil || copyAt <= comesUntil + latenessOfOthers();
}

function recoveriesOf(
  faults: readonly Fault[],
  handlings: ReadonlyMap<number, readonly number[]>,
  isDelayed: (n: number, at: number) => boolean,
): Recovery[] {
  return faults.map(({ name, from, to }, i) => {
    const until = faults[i + 1]?.from ?? Number.POSITIVE_INFINITY;
    const delayed = [...handlings].flatMap(([n, [at = 0]]) =>
      at >= from && at < until && isDelayed(n, at) ? [at] : [],
    );
    return {
      fault: name,
      delayed: delayed.length,
      afterMs: delayed.reduce((latest, at) => Math.max(latest, at - to), 0),
    };
  });
}

/** Whether nothing happened that must not. */
export function isGood({ lost, early, resurrected, unexplained }: Judgement): boolean {
  return [lost, early, resurrected, unexplained].every(({ length }) => length === 0);
}
