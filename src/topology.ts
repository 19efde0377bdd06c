/**
 * Every name on the broker, and the bootstrap that declares them: run at deploy as `npm run topology`.
 * Nothing else declares; the runtime processes only look whether all is there.
 */
import { openConnection } from './amqp/connection';
import type { BindingDeclaration, ExchangeDeclaration, QueueDeclaration, Topology } from './amqp/declare';
import { bootstrap } from './bootstrap';
import { loadConfig, PROCESS_NAME } from './config';
import { messageOf } from './errors';
import { createLogger } from './logger';
import { TARGET_NAMES } from './targets';
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

/** What has to be on the broker for this wheel and these targets. */
export function delayTopology(wheel: Wheel = WHEEL, targets: readonly string[] = TARGET_NAMES): Topology {
  return {
    exchanges: [
      fallingBack('fanout', UNROUTABLE),
      fallingBack('direct', PARKED_EXCHANGE),
      { kind: 'exchange', name: EVENTS_EXCHANGE, type: 'topic' },
      { kind: 'exchange', name: DUE_EXCHANGE, type: 'topic', alternateExchange: UNROUTABLE },
      ...wheel.map((_, level) => levelExchange(wheel, level)),
    ],
    queues: [
      { kind: 'queue', name: UNROUTABLE, arguments: { ...QUORUM, 'x-delivery-limit': UNLIMITED_DELIVERIES } },
      ...targets.flatMap(targetQueues),
      ...wheel.flatMap((_, level) => holdingQueues(wheel, level)),
    ],
    bindings: [
      bindQueue(UNROUTABLE, UNROUTABLE, ''),
      ...targets.flatMap((target) => [
        bindQueue(PARKED_EXCHANGE, parkedQueue(target), target),
        bindQueue(DUE_EXCHANGE, targetQueue(target), targetPattern(wheel, target)),
      ]),
      ...wheel.flatMap((_, level) => levelBindings(wheel, level)),
    ],
  };
}

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
    queue: `delay.hold.${stopName(level, i + 1)}`,
    ttlMs: level.unitMs * (i + 1),
  }));
}

/** Declares everything on the broker of AMQP_URL and says what; exit code 1 when it could not. */
async function main(): Promise<void> {
  const config = loadConfig();
  const logger = createLogger({
    level: config.LOG_LEVEL === 'debug' ? 'debug' : 'error',
    format: config.LOG_FORMAT,
  });
  const connection = await openConnection({
    url: config.AMQP_URL,
    name: `topology@${PROCESS_NAME}`,
    connectWaitMs: config.CONNECT_WAIT_MS,
    logger,
  });
  try {
    const declared = await bootstrap(connection, delayTopology());
    process.stdout.write(`topology: ${declared}\n`);
  } finally {
    await connection.close();
  }
}

if (require.main === module) {
  main().catch((error) => {
    process.stderr.write(`topology: ${messageOf(error)}\n`);
    process.exitCode = 1;
  });
}
