/**
 * What the process counts and measures, in Prometheus' terms: the one place that knows prom-client. No label ever
 * holds an id or anything else that a client chooses. What each means and when to worry stands in docs/monitoring.md.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ConnectionState } from './amqp/connection';

/** What a target's consumer is asked for at each scrape. */
export interface TargetState {
  /** Messages in memory before their due time. */
  readonly held: () => number;
  /** Messages due, waiting for a handler. */
  readonly waiting: () => number;
  /** Messages being handled. */
  readonly running: () => number;
  /** Handlers that may run at once. */
  readonly handlers: () => number;
  /** Whether the broker is sending deliveries. */
  readonly consuming: () => boolean;
}

/** One handling, from its handler's start to its outcome. */
export interface Handling {
  readonly outcome: (typeof OUTCOMES)[number];
  /** How long after its due time the handler began, in milliseconds. */
  readonly lateMs: number;
  /** How long the handler took, in milliseconds. */
  readonly tookMs: number;
}

/** One answered request. */
export interface AnsweredRequest {
  readonly method: string;
  /** The route's pattern, never the path that was asked for. */
  readonly route: string;
  readonly status: number;
  readonly tookMs: number;
}

/** Everything that is measured, and how it is read. */
export interface Metrics {
  /** A message was accepted: the broker has confirmed it. */
  accepted(target: string): void;
  /** A valid message was not accepted, or perhaps not; `reason` is the error's code. */
  refused(target: string, reason: string): void;
  /** Shows these targets and reasons as 0, so that the first one to be counted is seen as an increase. */
  expectMessages(targets: readonly string[], reasons: readonly string[]): void;
  /** The broker confirmed a publish, so many seconds after it was sent. */
  confirmed(seconds: number): void;
  handled(target: string, handling: Handling): void;
  /** A message was set aside; `reason` as in its header `parked-reason`. */
  parked(target: string, reason: string): void;
  /** A delivery that was settled before was dropped. */
  repeatDropped(target: string): void;
  /** A delivery that is void was dropped. */
  voidDropped(target: string): void;
  /** Shows a target's state from now on, and its counters as 0. */
  watchTarget(target: string, state: TargetState): void;
  /** Shows a connection from now on; call what it returns with each new state. */
  watchConnection(purpose: string): (state: ConnectionState) => void;
  answered(request: AnsweredRequest): void;
  /**
   * Shows a gauge that another part fills, from now on.
   *
   * @param read gives its value at each scrape
   * @throws Error when it is shown already
   */
  observe(name: ObservedGauge, read: () => number): void;
  /** Media type of `text`. */
  readonly contentType: string;
  /** All of it in Prometheus' text format. */
  text(): Promise<string>;
}

/** Gauges that other parts fill, with what they mean; see Metrics.observe. */
export const OBSERVED_GAUGES = {
  delay_broker_ledger_entries: 'Messages whose state is in memory.',
  delay_broker_ledger_limit: 'Messages whose state is kept in memory at most.',
  delay_broker_ledger_full: '1 when that limit is reached, else 0.',
  delay_broker_topology_damaged: '1 while an exchange or a queue is missing or differs, else 0.',
  delay_broker_verdicts: 'Verdicts in memory on deliveries that are void and still to come.',
} as const;

/** See OBSERVED_GAUGES. */
export type ObservedGauge = keyof typeof OBSERVED_GAUGES;

const OUTCOMES = ['done', 'retried', 'parked'] as const;

/** What a consumer sets messages aside for, as in parking.ts. */
const PARK_REASONS = ['malformed', 'rejected', 'attempts exhausted'];

/** Upper bounds in seconds: what is late is so by a millisecond on a good day and by minutes on a bad one. */
const LATENESS_S = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** For confirms, and the requests that wait for one. */
const CONFIRM_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const HANDLING_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];

/** A registry of its own, with the metrics of the process (`process_…`, `nodejs_…`) in it. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { counter, histogram, gauge } = instruments(registry);
  const targets = new Map<string, TargetState>();
  const connections = new Map<string, { state: ConnectionState; lost: boolean }>();

  const accepted = counter('accepted_total', 'Messages accepted.', ['target']);
  const refused = counter('refused_total', 'Valid messages not accepted, or perhaps not.', [
    'target',
    'reason',
  ]);
  const confirm = histogram('confirm_seconds', 'From publish to confirm.', CONFIRM_S);
  const requests = histogram('http_request_seconds', 'How long requests took.', CONFIRM_S, [
    'method',
    'route',
    'status',
  ]);
  const handled = counter('handled_total', 'Handlings that came to an outcome.', ['target', 'outcome']);
  const lateness = histogram('lateness_seconds', 'From due time to handler.', LATENESS_S, ['target']);
  const handling = histogram('handling_seconds', 'How long handlers took.', HANDLING_S, ['target']);
  const retries = counter('retries_total', 'Messages sent round for another attempt.', ['target']);
  const parked = counter('parked_total', 'Messages set aside.', ['target', 'reason']);
  const repeats = counter('repeats_dropped_total', 'Deliveries settled before, and dropped.', ['target']);
  const voids = counter('void_total', 'Void deliveries dropped.', ['target']);
  const reconnects = counter('reconnects_total', 'Connections made anew after a loss.', ['purpose']);

  const ofTarget = gauge('target', targets);
  ofTarget('held', 'Messages in memory before their due time.', ({ held }) => held());
  ofTarget('waiting', 'Messages due, waiting for a handler.', ({ waiting }) => waiting());
  ofTarget('running', 'Messages being handled.', ({ running }) => running());
  ofTarget('handlers', 'Handlers that may run at once.', ({ handlers }) => handlers());
  ofTarget('consuming', '1 while the target is consumed, else 0.', ({ consuming }) => Number(consuming()));
  const ofConnection = gauge('purpose', connections);
  ofConnection('connection_up', '1 while it is there, else 0.', ({ state }) => Number(state !== 'down'));
  ofConnection('connection_blocked', '1 while RabbitMQ takes no publishes on it, else 0.', ({ state }) =>
    Number(state === 'blocked'),
  );

  return {
    accepted: (target) => accepted.inc({ target }),
    refused: (target, reason) => refused.inc({ target, reason }),
    expectMessages(names, reasons) {
      for (const target of names) {
        accepted.inc({ target }, 0);
        for (const reason of reasons) refused.inc({ target, reason }, 0);
      }
    },
    confirmed: (seconds) => confirm.observe(seconds),
    answered: ({ tookMs, ...labels }) => requests.observe(labels, tookMs / 1000),
    handled(target, { outcome, lateMs, tookMs }) {
      handled.inc({ target, outcome });
      if (outcome === 'retried') retries.inc({ target });
      lateness.observe({ target }, lateMs / 1000);
      handling.observe({ target }, tookMs / 1000);
    },
    parked: (target, reason) => parked.inc({ target, reason }),
    repeatDropped: (target) => repeats.inc({ target }),
    voidDropped: (target) => voids.inc({ target }),
    watchTarget(target, state) {
      targets.set(target, state);
      for (const outcome of OUTCOMES) handled.inc({ target, outcome }, 0);
      for (const reason of PARK_REASONS) parked.inc({ target, reason }, 0);
      for (const counter of [retries, repeats, voids]) counter.inc({ target }, 0);
    },
    watchConnection(purpose) {
      const connection = { state: 'down' as ConnectionState, lost: false };
      connections.set(purpose, connection);
      reconnects.inc({ purpose }, 0);
      return (state) => {
        if (state === 'down') connection.lost ||= connection.state !== 'down';
        else if (connection.lost) {
          connection.lost = false;
          reconnects.inc({ purpose });
        }
        connection.state = state;
      };
    },
    observe: (name, read) => readGauge(registry, name, read),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

/** Makers of instruments in this registry, under this service's prefix. */
function instruments(registry: Registry) {
  const common = (name: string, help: string) => ({
    name: `delay_broker_${name}`,
    help,
    registers: [registry],
  });
  return {
    counter: <Label extends string>(name: string, help: string, labelNames: Label[]) =>
      new Counter({ ...common(name, help), labelNames }),
    histogram: <Label extends string>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: Label[] = [],
    ) => new Histogram({ ...common(name, help), buckets, labelNames }),
    /** Makers of gauges that are read at each scrape, one value for each entry of `entries`. */
    gauge:
      <Entry>(label: string, entries: ReadonlyMap<string, Entry>) =>
      (name: string, help: string, read: (entry: Entry) => number) => {
        new Gauge({
          ...common(name, help),
          labelNames: [label],
          collect() {
            for (const [key, entry] of entries) this.set({ [label]: key }, read(entry));
          },
        });
      },
  };
}

function readGauge(registry: Registry, name: ObservedGauge, read: () => number): void {
  new Gauge({
    name,
    help: OBSERVED_GAUGES[name],
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
