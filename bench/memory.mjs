/**
 * What a process keeps in memory for each message and each verdict, in bytes, and the processor time that an entry takes. Measured is
 * what the heap has more, after garbage collection, once so many messages are in: records, maps, trees and timelines.
 * Exits with 1 where a message takes more than its limit.
 *
 *   npm run bench:memory     or, with dist/ built by `npx tsc`:  node --expose-gc bench/memory.mjs
 */
import { randomBytes } from 'node:crypto';
import { decodeControl, encodeControl } from '../dist/control/entry.js';
import { createLedgerView } from '../dist/ledger/view.js';
import { messageKey } from '../dist/verdicts/entry.js';
import { createVerdictMemory } from '../dist/verdicts/memory.js';

const SIZES = [100_000, 1_000_000];
/** Entries made at a time, so that they are garbage by the time of measuring. */
const BATCH = 10_000;
const NOW = Date.UTC(2026, 0, 1);
const MONTH_MS = 30 * 86_400_000;
const TARGETS = ['orders', 'emails', 'webhooks', 'relay', 'reports'];

/** `fill` puts so many messages in, and returns how many there are, what holds them, and the processor time of all entries, in µs. */
const SUBJECTS = [
  { name: 'ledger', limitBytes: 400, fill: fillLedger },
  { name: 'verdicts', limitBytes: 200, fill: fillVerdicts },
];

if (!globalThis.gc)
  throw new Error('Measuring needs the garbage collector: node --expose-gc bench/memory.mjs');
for (const subject of SUBJECTS) {
  subject.fill(BATCH); // compiled code is no part of a message
  for (const size of SIZES) measure(subject, size);
}

function measure({ name, limitBytes, fill }, size) {
  const before = usedBytes();
  const { held, applied, tookUs } = fill(size);
  const bytes = Math.round((usedBytes() - before) / size);
  const microseconds = (tookUs / applied).toFixed(1);
  const verdict = bytes > limitBytes ? `MORE THAN ${limitBytes}` : `limit ${limitBytes}`;
  const messages = held().toLocaleString('en');
  process.stdout.write(
    `${name}: ${messages} messages, ${bytes} bytes each (${verdict}), ${microseconds} µs an entry\n`,
  );
  if (bytes > limitBytes) process.exitCode = 1;
}

function usedBytes() {
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function fillLedger(size) {
  const view = createLedgerView({ limit: size, idHoldMs: 86_400_000, clock: () => NOW });
  let applied = 0;
  let tookUs = 0;
  for (let made = 0; made < size; made += BATCH) {
    const entries = Array.from({ length: BATCH }, (_, i) => entriesOf(made + i)).flat();
    const before = process.cpuUsage();
    for (const entry of entries) view.apply(entry, applied++);
    const { user, system } = process.cpuUsage(before);
    tookUs += user + system;
  }
  return { held: view.size, applied, tookUs };
}

/** Half of the verdicts cancel a message, the others say which delivery counts. They are read as the stream has them. */
function fillVerdicts(size) {
  const memory = createVerdictMemory(() => NOW);
  let tookUs = 0;
  for (let made = 0; made < size; made += BATCH) {
    const contents = Array.from({ length: BATCH }, (_, i) => {
      const message = messageKey(`order:${randomBytes(8).toString('hex')}`);
      const valid = i % 2 === 0 ? null : randomBytes(13).toString('hex');
      const until = NOW + Math.floor(Math.random() * MONTH_MS);
      return encodeControl({ kind: 'verdict', message, revision: made + i, valid, until, voids: 1 });
    });
    const before = process.cpuUsage();
    for (const content of contents) memory.note(decodeControl(content), NOW);
    const { user, system } = process.cpuUsage(before);
    tookUs += user + system;
  }
  return { held: memory.size, applied: size, tookUs };
}

/** Half of the messages have a fingerprint, and half are handled at their second attempt. */
function entriesOf(i) {
  const dueAt = NOW + Math.floor(Math.random() * MONTH_MS);
  const id = randomBytes(13).toString('hex');
  const entry = (kind, attempt, at, rest) => ({
    ...{ kind, id: received(id), to: received(TARGETS[i % TARGETS.length]), delivery: received(id) },
    ...{ attempt, dueAt: dueAt + (attempt - 1) * 5_000, at, ...rest },
  });
  const fingerprint = randomBytes(17).toString('base64url').slice(0, 22);
  const accepted = entry('accepted', 1, NOW + i, i % 2 === 0 && { fingerprint: received(fingerprint) });
  if (i % 4 < 2) return [accepted];
  const retried = entry('retried', 2, dueAt + 3, { error: received('the order service answered 503') });
  return [accepted, retried, entry('handled', 2, dueAt + 5_003)];
}

/** A string as it comes from the broker: one of its own, whatever others are equal to it. */
function received(text) {
  return Buffer.from(text).toString();
}
