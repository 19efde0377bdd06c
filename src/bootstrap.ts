/** Bringing a topology to a broker without ever changing what is there, and checking that it is there. */
import { closeChannel, openQuietChannel } from './amqp/channel';
import type { BrokerConnection } from './amqp/connection';
import {
  type Conflict,
  type Declaration,
  declareTopology,
  findConflicts,
  findMissing,
  type Topology,
} from './amqp/declare';
import { messageOf, TopologyError } from './errors';

/** The oldest release with streams, at-least-once dead-lettering and message TTL in quorum queues. */
const OLDEST_VERSION = [3, 10] as const;

/** From this release on, streams cannot be switched off. */
const STREAMS_ALWAYS_ON = [3, 12] as const;

const PROBE_QUEUE = 'delay.feature-probe';

/**
 * Declares what is missing, after checking the broker's version and features and that nothing present differs.
 *
 * @returns a line for people on what was declared
 * @throws TopologyError for a broker too old, a feature switched off, or anything present that differs; then nothing was changed
 */
export async function bootstrap(connection: BrokerConnection, topology: Topology): Promise<string> {
  await checkBroker(connection);
  const missing = await findMissing(connection, topology);
  const present = [...topology.exchanges, ...topology.queues].filter(
    (declaration) => !missing.includes(declaration),
  );
  const conflicts = await findConflicts(connection, present);
  if (conflicts.length > 0) throw new TopologyError(conflictReport(conflicts));

  await declareTopology(connection, topology);
  const count = (kind: Declaration['kind'], of: readonly Declaration[]) =>
    of.filter((each) => each.kind === kind).length;
  return [
    `RabbitMQ ${connection.version()} at ${connection.host} has all`,
    `${topology.exchanges.length} exchanges (${count('exchange', missing)} new),`,
    `${topology.queues.length} queues (${count('queue', missing)} new)`,
    `and ${topology.bindings.length} bindings: ${summary(topology.queues.map(({ name }) => name))}`,
  ].join(' ');
}

/**
 * Makes sure that all exchanges and queues are there; for processes that may not declare.
 *
 * @throws TopologyError naming what is missing and the command that declares it
 */
export async function requireTopology(connection: BrokerConnection, topology: Topology): Promise<void> {
  const missing = await findMissing(connection, topology);
  const [first] = missing;
  if (!first) return;
  const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
  throw new TopologyError(
    `RabbitMQ at ${connection.host} has no ${first.kind} "${first.name}"${more}. Run "npm run topology" (node dist/topology.js).`,
  );
}

async function checkBroker(connection: BrokerConnection): Promise<void> {
  const version = connection.version();
  if (isOlder(version, OLDEST_VERSION)) {
    throw new TopologyError(`RabbitMQ ${version} at ${connection.host} is too old: 3.10 or newer is needed.`);
  }
  if (isOlder(version, STREAMS_ALWAYS_ON)) await checkStreams(connection);
}

/** On a cluster upgraded from 3.8 the flag may be off, and dead-lettering would fall back to at-most-once, silently. */
async function checkStreams(connection: BrokerConnection): Promise<void> {
  const channel = await openQuietChannel(connection);
  try {
    await channel.assertQueue(PROBE_QUEUE, { durable: true, arguments: { 'x-queue-type': 'stream' } });
    await channel.deleteQueue(PROBE_QUEUE);
    await closeChannel(channel);
  } catch (cause) {
    throw new TopologyError(
      `RabbitMQ ${connection.version()} at ${connection.host} does not declare streams: ${messageOf(cause)}. ` +
        'Try "rabbitmqctl enable_feature_flag stream_queue"; at-least-once dead-lettering needs it too.',
      { cause },
    );
  }
}

function isOlder(version: string, [leastMajor, leastMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

function conflictReport(conflicts: readonly Conflict[]): string {
  const lines = conflicts.map((conflict) => `  ${describe(conflict)}`);
  return [
    'What is on the broker differs from what is needed; nothing was changed.',
    ...lines,
    'Delete or rename what is named here once it is empty (its messages would be lost), then run this again.',
  ].join('\n');
}

/** RabbitMQ's own words: "inequivalent arg 'x' for queue 'q' in vhost '/': received the value '1' of type 'signedint' but current is …". */
const INEQUIVALENT = /inequivalent arg '([^']+)' for .*?: received (.+?) but current is (.+?)["\s]*$/;

function describe({ declaration: { kind, name }, reason }: Conflict): string {
  const found = INEQUIVALENT.exec(reason);
  if (!found) return `${kind} ${name}: ${reason}`;
  const [, argument, should, has] = found;
  return `${kind} ${name}: ${argument} has ${plainValue(has)}, should have ${plainValue(should)}`;
}

function plainValue(value = ''): string {
  return /'([^']*)'/.exec(value)?.[1] ?? value;
}

/** A list of queue names short enough for one line: the wheel's are counted. */
function summary(names: readonly string[]): string {
  const holding = names.filter((name) => name.startsWith('delay.hold.'));
  return [...names.filter((name) => !holding.includes(name)), `${holding.length} holding queues`].join(', ');
}
