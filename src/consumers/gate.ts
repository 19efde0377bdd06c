/**
 * The gate between arrival and handling: a message waits here for its due time, then for a free handler.
 * RabbitMQ does the long waiting; here it is tens of milliseconds.
 */
import type { Clock } from '../clock';

/** What the gate says to one who waited: `go` and leave() afterwards, or take the message `back` to the queue. */
export type Passage = 'go' | 'back';

/** Holds messages until they may be handled. */
export interface Gate {
  /**
   * Waits until the due time has come and a handler is free.
   *
   * @param patient waits for a handler however long it takes; default false
   */
  pass(dueAt: number, patient?: boolean): Promise<Passage>;
  /** A handler is free again. */
  leave(): void;
  /** Sends everyone who waits back, and all who come later if `closed`. */
  sendBack(closed: boolean): void;
  /** Messages before their due time. */
  held(): number;
  /** Messages due, waiting for a handler. */
  waiting(): number;
  /** Messages being handled. */
  running(): number;
}

/** Options of createGate. */
export interface GateOptions {
  readonly clock: Clock;
  /** Handlers running at once, at most. */
  readonly handlers: number;
  /** Whoever is further ahead of the due time, in milliseconds, as after the clock was set back, goes back instead of waiting. */
  readonly longestHoldMs: number;
  /** How long a due message waits for a handler before it goes back, in milliseconds: an idle neighbour may have one. */
  readonly patienceMs: number;
  /** Someone waited in vain and goes back. */
  readonly onOverload: () => void;
}

/** A gate for one target. */
export function createGate(options: GateOptions): Gate {
  const { clock, handlers, longestHoldMs, patienceMs, onOverload } = options;
  const held = new Set<{ timer?: NodeJS.Timeout; answer: (passage: Passage) => void }>();
  const waiting = new Set<(passage: Passage) => void>();
  let running = 0;
  let closed = false;

  const untilDue = (dueAt: number) =>
    new Promise<Passage>((resolve) => {
      const entry: { timer?: NodeJS.Timeout; answer: typeof resolve } = { answer: resolve };
      // The clock may have been set back, and Node's timers fire up to a millisecond early: a further timer for that
      // would be late by up to two, the next turn of the event loop is not.
      const look = (waited: boolean) => {
        if (!held.has(entry)) return;
        const restMs = dueAt - clock();
        if (restMs <= 0 || restMs > longestHoldMs) {
          held.delete(entry);
          resolve(restMs > 0 ? 'back' : 'go');
        } else if (waited && restMs <= 1) {
          setImmediate(look, true);
        } else {
          entry.timer = setTimeout(look, restMs, true);
        }
      };
      held.add(entry);
      look(false);
    });

  const handlerFree = (patient: boolean) =>
    new Promise<Passage>((resolve) => {
      const answer = (passage: Passage) => {
        clearTimeout(timer);
        if (waiting.delete(answer)) resolve(passage);
      };
      const timer = patient
        ? undefined
        : setTimeout(() => {
            onOverload();
            answer('back');
          }, patienceMs);
      waiting.add(answer);
    });

  return {
    async pass(dueAt, patient = false) {
      if (closed) return 'back';
      if (dueAt > clock() && (await untilDue(dueAt)) === 'back') return 'back';
      // A handler that frees itself hands its place on, so that running never exceeds the limit.
      if (running >= handlers) return handlerFree(patient);
      running++;
      return 'go';
    },
    leave() {
      const [next] = waiting;
      if (next) next('go');
      else running--;
    },
    sendBack(close) {
      closed ||= close;
      for (const entry of held) {
        clearTimeout(entry.timer);
        entry.answer('back');
      }
      held.clear();
      for (const answer of waiting) answer('back');
    },
    held: () => held.size,
    waiting: () => waiting.size,
    running: () => running,
  };
}
