/** The API, served for one test file: real requests, a publisher that sends nothing, a clock that stands still. */
import { logAccepted } from '../../src/http/accepted-log';
import { type AppOptions, createApp } from '../../src/http/app';
import type { ServerLimits } from '../../src/http/limits';
import { serveHttp } from '../../src/http/server';
import { type EntryKind, hasMessage, type LedgerEntry } from '../../src/ledger/entry';
import type { Recorder } from '../../src/ledger/recorder';
import type { Message } from '../../src/message';
import { createMetrics } from '../../src/metrics';
import type { ParkingLot } from '../../src/parking-lot';
import { createScheduler, type ScheduleRequest, type Scheduler } from '../../src/scheduler';
import type { ScheduleEntry } from '../../src/schedules/entry';
import type { Verdict } from '../../src/verdicts/entry';
import { type RecordedLog, recordedLog } from '../broker/world';
import { createMemoryChanges, type createMemoryLedger } from '../memory-ledger';
import { createMemorySchedules } from '../memory-schedules';

/** What an id looks like: a ULID. */
export const ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** What the clock says. */
export const NOW = Date.parse('2026-11-20T12:00:00.000Z');

/** The paths that take a message, each with a body that it accepts. */
export const ACCEPTED_BODIES: Readonly<Record<string, object>> = {
  '/submit-order': { order_id: 'A1' },
  '/dlx-order': { order_id: 'A1' },
  '/welcome-email': { email: 'ann@example.com' },
  '/meeting-reminder': {
    meeting_id: 'M1',
    email: 'ann@example.com',
    starts_at: '2026-11-20T15:00:00+01:00',
  },
  '/v1/messages': { to: 'emails', payload: { email: 'ann@example.com' }, delay: '30m' },
};

export const PATHS = Object.keys(ACCEPTED_BODIES);

/** One fault of a request, as the API reports it. */
export interface ReportedFault {
  readonly loc: (string | number)[];
  readonly msg: string;
  readonly type: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed; `detail` holds the faults of a 422, or a sentence. */
  readonly body: Readonly<Record<string, unknown>> & { readonly detail: ReportedFault[] };
}

export interface Api {
  readonly port: number;
  readonly log: RecordedLog;
  /** Writes what consumers would write. */
  readonly recorder: Recorder;
  readonly verdicts: ReturnType<typeof createMemoryLedger>['verdicts'];
  readonly schedules: ReturnType<typeof createMemorySchedules>;
  /** What the scheduler was asked for, oldest first; without who asked, which only the log is told. */
  readonly scheduled: ScheduleRequest[];
  /** What was sent round once more, oldest first. */
  readonly forwarded: Message[];
  /** Anything fetch can send. */
  request(path: string, init?: RequestInit): Promise<Answer>;
  /** A POST of this JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** A PUT of this JSON. */
  put(path: string, body: unknown): Promise<Answer>;
  /** A PATCH of this JSON. */
  patch(path: string, body: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  close(): Promise<unknown>;
}

/** A parking lot where nothing is. */
export const EMPTY_LOT: ParkingLot = {
  names: ['orders', 'delay.unroutable'],
  counts: async () => [],
  look: async () => ({ messages: 0, parked: [] }),
  redrive: async (_, notFound = []) => ({ redriven: 0, notRedriven: [], notFound }),
  remove: async (_, ids) => ({ deleted: 0, notFound: [...ids] }),
};

/** Anybody may do anything, as without keys. */
export const OPEN: AppOptions['access'] = { keys: [], publicPaths: [] };

/** Starts the API; `before` runs in the broker's place before a message is accepted, and can throw. */
export async function startApi({
  before = () => {},
  beforeWriting = () => {},
  beforeSchedule = () => {},
  notReady = () => [],
  parkingLot = EMPTY_LOT,
  clock = () => NOW,
  ledgerOff = false,
  limit,
  access = OPEN,
  limits = {},
}: {
  before?: () => void | Promise<void>;
  /** Runs in the broker's place before anything is written to the ledger or ruled upon, and can throw. */
  beforeWriting?: (what: LedgerEntry | Verdict) => void | Promise<void>;
  /** Runs in the broker's place before a schedule or its progress is written, and can throw. */
  beforeSchedule?: (entry: ScheduleEntry) => void | Promise<void>;
  notReady?: () => readonly string[];
  parkingLot?: ParkingLot;
  /** Default one that stands still. */
  clock?: () => number;
  ledgerOff?: boolean;
  /** Messages that the ledger keeps in view. */
  limit?: number;
  access?: AppOptions['access'];
  limits?: Partial<ServerLimits>;
} = {}): Promise<Api> {
  const log = recordedLog();
  const scheduled: ScheduleRequest[] = [];
  const forwarded: Message[] = [];
  const publisher = { publish: async () => before(), close: async () => {} };
  const inner = createScheduler({ publisher, clock });
  const scheduler: Scheduler = {
    ...inner,
    schedule(request) {
      const { askedBy: _, ...message } = request;
      scheduled.push(message);
      return inner.schedule(request);
    },
    forward(message) {
      forwarded.push(message);
      return inner.forward(message);
    },
  };
  const { memory, changes } = createMemoryChanges({
    ...{ scheduler: logAccepted(scheduler, log), clock, ledgerOff, before: beforeWriting },
    ...(limit !== undefined && { limit }),
  });
  const schedules = createMemorySchedules({ clock, scheduler, before: beforeSchedule });
  const app = createApp({
    ...changes,
    schedules,
    clock,
    templateNames: ['welcome', 'reminder'],
    parkingLot,
    readiness: notReady,
    metrics: createMetrics(),
    logger: log,
    access,
  });
  const server = await serveHttp(app, { host: '127.0.0.1', port: 0, limits, logger: log });

  const request: Api['request'] = async (path, init) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    const text = await response.text();
    expect(text).not.toMatch(/\n +at |node_modules|\.[jt]s:\d/); // no answer ever shows a stack
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === '' ? {} : JSON.parse(text),
    };
  };
  const send = (method: string, path: string, body: unknown, headers?: Record<string, string>) =>
    request(path, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return {
    port: server.port,
    log,
    recorder: memory.recorder,
    verdicts: memory.verdicts,
    schedules,
    scheduled,
    forwarded,
    request,
    post: (path, body, headers) => send('POST', path, body, headers),
    put: (path, body) => send('PUT', path, body),
    patch: (path, body) => send('PATCH', path, body),
    delete: (path) => request(path, { method: 'DELETE' }),
    close: () => server.drain(1_000),
  };
}

/** A fault's place and kind in one line, such as `body.expire_minutes too_small`. */
export const inShort = ({ loc, type }: ReportedFault) => `${loc.join('.')} ${type}`;

/** Where a message is found. */
export const pathOf = (id: string) => `/v1/messages/${encodeURIComponent(id)}`;

/** The end of a problem's type, such as `409 too-late`, with its status before it. */
export function problemIn({ status, headers, body }: Answer): string {
  expect(headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  return `${status} ${String(body.type).replace('urn:delay-broker:problem:', '')}`;
}

/** Writes what a consumer writes of an order whose id is the service's own. */
export function recordOutcome(
  { recorder }: Api,
  kind: EntryKind,
  { id, ...what }: Pick<LedgerEntry, 'id' | 'dueAt' | 'at'> & Partial<LedgerEntry>,
): Promise<void> {
  const entry = { kind, id, to: 'orders', delivery: id, attempt: 1, ...what };
  const { to, delivery, attempt, dueAt } = entry;
  const message = { id, to, payload: { order_id: 'A1' }, dueAt, acceptedAt: NOW, attempt, delivery };
  return recorder.record(entry, hasMessage(entry) ? message : undefined);
}
