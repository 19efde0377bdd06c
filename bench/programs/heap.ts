/**
 * What a process keeps in memory for each message and each verdict, and the processor time that an entry takes. Measured is what
 * the heap has more, after garbage collection, once so many messages are in: records, maps, trees and timelines.
 * Needs `--expose-gc`.
 */
import { randomBytes } from 'node:crypto';
import { decodeControl, encodeControl } from '../../src/control/entry';
import type { LedgerEntry } from '../../src/ledger/entry';
import { createLedgerView } from '../../src/ledger/view';
import { messageKey } from '../../src/verdicts/entry';
import { createVerdictMemory } from '../../src/verdicts/memory';
import { serve } from './served';

/** What is measured, and with how many messages. */
export interface HeapSettings {
  readonly subject: 'ledger' | 'verdicts';
  readonly messages: number;
}

/** What came of it. */
export interface HeapFigures {
  readonly bytesEach: number;
  /** Processor time. */
  readonly microsecondsAnEntry: number;
}

/** What was put in: what holds it, how many entries that took, and their processor time. */
interface Filled {
  readonly held: () => number;
  readonly applied: number;
  readonly tookUs: number;
}

/** Entries made at a time, so that they are garbage by the time of measuring. */
const BATCH = 10_000;
const NOW = Date.UTC(2026, 0, 1);
const MONTH_MS = 30 * 86_400_000;
const TARGETS = ['orders', 'emails', 'webhooks', 'relay'];
const FILL = { ledger: fillLedger, verdicts: fillVerdicts };

function measure({ subject, messages }: HeapSettings): HeapFigures {
  const fill = FILL[subject];
  fill(BATCH); // compiled code is no part of a message
  const before = usedBytes();
  const { held, applied, tookUs } = fill(messages);
  const bytesEach = (usedBytes() - before) / messages;
  // Asked for after the measuring, so that it is all still there.
  if (held() === 0) throw new Error('nothing was put in');
  return { bytesEach, microsecondsAnEntry: tookUs / applied };
}

function usedBytes(): number {
  global.gc?.();
  global.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function fillLedger(messages: number): Filled {
  const view = createLedgerView({ limit: messages, idHoldMs: 86_400_000, clock: () => NOW });
  let applied = 0;
  let tookUs = 0;
  for (let made = 0; made < messages; made += BATCH) {
    const entries = Array.from({ length: BATCH }, (_, i) => entriesOf(made + i)).flat();
    tookUs += processorUs(() => {
      for (const entry of entries) view.apply(entry, applied++);
    });
  }
  return { held: view.size, applied, tookUs };
}

/** Half of the verdicts cancel a message, the others say which delivery counts. They are read as the stream has them. */
function fillVerdicts(messages: number): Filled {
  const memory = createVerdictMemory(() => NOW);
  let tookUs = 0;
  for (let made = 0; made < messages; made += BATCH) {
    const contents = Array.from({ length: BATCH }, (_, i) => {
      const message = messageKey(`order:${randomBytes(8).toString('hex')}`);
      const valid = i % 2 === 0 ? null : randomBytes(13).toString('hex');
      const until = NOW + Math.floor(Math.random() * MONTH_MS);
      return encodeControl({ kind: 'verdict', message, revision: made + i, valid, until, voids: 1 });
    });
    tookUs += processorUs(() => {
      for (const content of contents) {
        const entry = decodeControl(content);
        if (entry?.kind === 'verdict') memory.note(entry, NOW);
      }
    });
  }
  return { held: memory.size, applied: messages, tookUs };
}

function processorUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Half of the messages have a fingerprint, and half are handled at their second attempt. */
function entriesOf(i: number): LedgerEntry[] {
  const dueAt = NOW + Math.floor(Math.random() * MONTH_MS);
  const id = randomBytes(13).toString('hex');
  const to = TARGETS[i % TARGETS.length] ?? 'orders';
  const entry = (kind: LedgerEntry['kind'], attempt: number, at: number, rest: object = {}): LedgerEntry => ({
    ...{ kind, id: received(id), to: received(to), delivery: received(id) },
    ...{ attempt, dueAt: dueAt + (attempt - 1) * 5_000, at, ...rest },
  });
  const fingerprint = received(randomBytes(17).toString('base64url').slice(0, 22));
  const accepted = entry('accepted', 1, NOW + i, i % 2 === 0 ? { fingerprint } : {});
  if (i % 4 < 2) return [accepted];
  const retried = entry('retried', 2, dueAt + 3, { error: received('the order service answered 503') });
  return [accepted, retried, entry('handled', 2, dueAt + 5_003)];
}

/** A string as it comes from the broker: one of its own, whatever others are equal to it. */
function received(text: string): string {
  return Buffer.from(text).toString();
}

serve({ measure, close: () => undefined });
