/**
 * Every name on the broker, and the bootstrap that declares them: run at deploy as `npm run topology`.
 * Nothing else declares; the runtime processes only look whether all is there.
 */
import { parseArgs } from 'node:util';
import { openConnection } from './amqp/connection';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration, Topology } from './amqp/declare';
import { bootstrap } from './bootstrap';
import { loadConfig, PROCESS_NAME } from './config';
import { messageOf } from './errors';
import { createLogger } from './logger';
import { CONSUMED, TICKS } from './targets';
import { digitPattern, spentPattern, stopName, targetPattern, WHEEL, type Wheel } from './wheel';

/** Everything enters here, routing key by wheel.ts. */
export const ENTRY_EXCHANGE = 'delay.in';
/** Messages come out of the wheel here; bound to each target's queue. */
export const DUE_EXCHANGE = 'delay.due';
/** Takes what failed for good, routed by target. */
export const PARKED_EXCHANGE = 'delay.parked';
/** What happened at the due time, for other programs to bind queues to. */
export const EVENTS_EXCHANGE = 'delay.events';
/** Exchange and queue for what no binding takes; otherwise 32 such messages would stop a holding queue. */
export const UNROUTABLE = 'delay.unroutable';

/** Exchange and stream of the verdicts on which deliveries count. */
export const CONTROL = 'delay.control';
/** Exchange and stream of everything that happens to messages. */
export const LEDGER = 'delay.ledger';
/** Exchange and queue that choose the one process that keeps verdicts from running out. */
export const KEEPER = 'delay.keeper';

/** The same for what waits in the ledger. */
export const LEDGER_KEEPER = 'delay.ledger-keeper';
/** How the names of the holding queues begin. */
export const HOLDING_PREFIX = 'delay.hold.';

/** The queue in which a target's messages wait for its consumers. */
export const targetQueue = (target: string): string => target;

/** The queue of a target's messages that failed for good. */
export const parkedQueue = (target: string): string => `${target}.parked`;

/** A message that ends its consumer this often is parked: RabbitMQ 4's own default, spelled out for older ones. */
const DELIVERY_LIMIT = 20;

/** Looking at parked messages returns them to their queue; this many looks never drop one. */
const UNLIMITED_DELIVERIES = 1_000_000_000;

/** Without reject-publish RabbitMQ falls back from at-least-once to at-most-once dead-lettering, silently. */
const DEAD_LETTER_SAFELY = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' };

/** Quorum, and leaders spread over the nodes: the default puts all of them on the node that declared. */
const QUORUM = { 'x-queue-type': 'quorum', 'x-queue-leader-locator': 'balanced' };

/** How long and in which pieces a stream is kept; RabbitMQ cuts off whole segments only, and never the latest. */
export interface StreamLimits {
  /** Segments whose entries are all older are cut off, in seconds. */
  readonly maxAgeS?: number;
  /** The oldest segments are cut off beyond this, in bytes. */
  readonly maxBytes?: number;
  /** Size of a segment, in bytes. */
  readonly segmentBytes: number;
}

const DAY_S = 86_400;

/** Three days, so that verdicts outlive an outage of all that writes them again (every 18 hours). */
export const CONTROL_LIMITS = { maxAgeS: 3 * DAY_S, segmentBytes: 16_000_000 } as const;

/** About four million entries. By size, as the time that a starting API reads for goes by it. */
export const LEDGER_LIMITS = { maxBytes: 1_000_000_000, segmentBytes: 50_000_000 } as const;

/** Options of delayTopology. */
export interface TopologyOptions {
  /** Default the wheel in use. */
  readonly wheel?: Wheel;
  /** Default all, and the ticks. */
  readonly targets?: readonly string[];
  /** Whether there is a ledger; default yes. */
  readonly ledger?: boolean;
  /** Default CONTROL_LIMITS. */
  readonly controlLimits?: StreamLimits;
  /** Default LEDGER_LIMITS. */
  readonly ledgerLimits?: StreamLimits;
}

/** What has to be on the broker. */
export function delayTopology({
  wheel = WHEEL,
  targets = CONSUMED,
  ledger = true,
  controlLimits = CONTROL_LIMITS,
  ledgerLimits = LEDGER_LIMITS,
}: TopologyOptions = {}): Topology {
  const logs = [
    stream(CONTROL, controlLimits),
    dutyQueue(KEEPER),
    ...(ledger ? [stream(LEDGER, ledgerLimits), dutyQueue(LEDGER_KEEPER)] : []),
  ];
  return {
    exchanges: [
      fallingBack('fanout', UNROUTABLE),
      fallingBack('direct', PARKED_EXCHANGE),
      { kind: 'exchange', name: EVENTS_EXCHANGE, type: 'topic' },
      { kind: 'exchange', name: DUE_EXCHANGE, type: 'topic', alternateExchange: UNROUTABLE },
      ...wheel.map((_, level) => levelExchange(wheel, level)),
      ...logs.map(({ name }) => intoOneQueue(name)),
    ],
    queues: [
      { kind: 'queue', name: UNROUTABLE, arguments: { ...QUORUM, 'x-delivery-limit': UNLIMITED_DELIVERIES } },
      ...targets.flatMap(targetQueues),
      ...wheel.flatMap((_, level) => holdingQueues(wheel, level)),
      ...logs,
    ],
    bindings: [
      bindQueue(UNROUTABLE, UNROUTABLE, ''),
      ...targets.flatMap((target) => [
        bindQueue(PARKED_EXCHANGE, parkedQueue(target), target),
        bindQueue(DUE_EXCHANGE, targetQueue(target), targetPattern(wheel, target)),
      ]),
      ...wheel.flatMap((_, level) => levelBindings(wheel, level)),
      ...logs.map(({ name }) => bindQueue(name, name, '')),
    ],
  };
}

/** Holds a token, which comes back whenever its holder is gone. */
const dutyQueue = (name: string): QueueDeclaration => ({
  kind: 'queue',
  name,
  arguments: { ...QUORUM, 'x-single-active-consumer': true, 'x-delivery-limit': UNLIMITED_DELIVERIES },
});

function stream(name: string, { maxAgeS, maxBytes, segmentBytes }: StreamLimits): QueueDeclaration {
  return {
    kind: 'queue',
    name,
    arguments: {
      'x-queue-type': 'stream',
      'x-queue-leader-locator': 'balanced',
      'x-stream-max-segment-size-bytes': segmentBytes,
      ...(maxAgeS !== undefined && { 'x-max-age': `${maxAgeS}s` }),
      ...(maxBytes !== undefined && { 'x-max-length-bytes': maxBytes }),
    },
  };
}

/** With an exchange of its own a queue can be written to by whoever may write to that, and to nothing else. */
const intoOneQueue = (name: string): ExchangeDeclaration => ({ kind: 'exchange', name, type: 'fanout' });

const fallingBack = (type: 'fanout' | 'direct', name: string): ExchangeDeclaration => ({
  kind: 'exchange',
  name,
  type,
  ...(name !== UNROUTABLE && { alternateExchange: UNROUTABLE }),
});

const bindQueue = (source: string, destination: string, pattern: string): BindingDeclaration => ({
  source,
  destination,
  destinationKind: 'queue',
  pattern,
});

/** The entry has no alternate: what it can't route must come back to the publisher. Deeper, a lost binding must stop nobody. */
function levelExchange(wheel: Wheel, level: number): ExchangeDeclaration {
  const name = levelExchangeName(wheel, level);
  return { kind: 'exchange', name, type: 'topic', ...(level > 0 && { alternateExchange: UNROUTABLE }) };
}

function levelExchangeName(wheel: Wheel, level: number): string {
  if (level === 0) return ENTRY_EXCHANGE;
  const unit = wheel[level]?.name;
  return unit === undefined ? DUE_EXCHANGE : `delay.level.${unit}`;
}

function holdingQueues(wheel: Wheel, level: number): QueueDeclaration[] {
  return digitsOf(wheel, level).map(({ queue, ttlMs }) => ({
    kind: 'queue',
    name: queue,
    arguments: {
      ...QUORUM,
      ...DEAD_LETTER_SAFELY,
      'x-message-ttl': ttlMs,
      'x-dead-letter-exchange': levelExchangeName(wheel, level + 1),
    },
  }));
}

function targetQueues(target: string): QueueDeclaration[] {
  return [
    {
      kind: 'queue',
      name: targetQueue(target),
      arguments: {
        ...QUORUM,
        ...DEAD_LETTER_SAFELY,
        'x-delivery-limit': DELIVERY_LIMIT,
        'x-dead-letter-exchange': PARKED_EXCHANGE,
        'x-dead-letter-routing-key': target,
        // Of two ticks of one schedule, the second must know what came of the first.
        ...(target === TICKS && { 'x-single-active-consumer': true }),
      },
    },
    {
      kind: 'queue',
      name: parkedQueue(target),
      arguments: { ...QUORUM, 'x-delivery-limit': UNLIMITED_DELIVERIES },
    },
  ];
}

function levelBindings(wheel: Wheel, from: number): BindingDeclaration[] {
  const source = levelExchangeName(wheel, from);
  return [
    ...wheel.flatMap((_, to) =>
      to < from
        ? []
        : digitsOf(wheel, to).map(({ queue, digit }) =>
            bindQueue(source, queue, digitPattern(from, to, digit)),
          ),
    ),
    { source, destination: DUE_EXCHANGE, destinationKind: 'exchange', pattern: spentPattern(wheel, from) },
  ];
}

function digitsOf(wheel: Wheel, index: number): { digit: number; queue: string; ttlMs: number }[] {
  const level = wheel[index];
  if (!level) return [];
  return Array.from({ length: level.digits }, (_, i) => ({
    digit: i + 1,
    queue: `${HOLDING_PREFIX}${stopName(level, i + 1)}`,
    ttlMs: level.unitMs * (i + 1),
  }));
}

const USAGE = 'usage: node dist/topology.js [--users [--relay=EXCHANGE]...]';

/**
 * Declares everything on the broker of AMQP_URL, puts the schedules of SCHEDULES_FILE, and says what; with `--users` it prints how to make the broker's users
 * and connects to nothing. Exit code 1 when it could not.
 */
async function main(): Promise<void> {
  const { users, relay } = optionsOf(process.argv.slice(2));
  const config = loadConfig();
  if (users) {
    // Only here, as it is made from this file's names.
    const { userCommands } = await import('./users.js');
    const { AMQP_URL: amqpUrl, LEDGER: ledger } = config;
    process.stdout.write(userCommands({ amqpUrl, ledger, relayExchanges: relay }));
    return;
  }
  const { putSchedules, schedulesToPut } = await import('./schedules/deploy.js');
  const schedules = schedulesToPut(config);
  const logger = createLogger({
    level: config.LOG_LEVEL === 'debug' ? 'debug' : 'error',
    format: config.LOG_FORMAT,
  });
  const connection = await openConnection({
    url: config.AMQP_URL,
    tls: config.tls,
    name: `topology@${PROCESS_NAME}`,
    connectWaitMs: config.CONNECT_WAIT_MS,
    logger,
  });
  try {
    const declared = await bootstrap(connection, delayTopology({ ledger: config.LEDGER }));
    process.stdout.write(`topology: ${declared}\n`);
    const put = await putSchedules(schedules, { connection, config, logger });
    if (put !== undefined) process.stdout.write(`schedules: ${put}\n`);
  } finally {
    await connection.close();
  }
}

function optionsOf(args: string[]): { users: boolean; relay: string[] } {
  try {
    const { values } = parseArgs({
      args,
      options: { users: { type: 'boolean' }, relay: { type: 'string', multiple: true } },
    });
    const { users = false, relay = [] } = values;
    if (!users && relay.length > 0) throw new Error('--relay says what a user may do; it goes with --users.');
    return { users, relay };
  } catch (cause) {
    throw new Error(`${messageOf(cause)}\n${USAGE}`, { cause });
  }
}

if (require.main === module) {
  main().catch((error) => {
    process.stderr.write(`topology: ${messageOf(error)}\n`);
    process.exitCode = 1;
  });
}
