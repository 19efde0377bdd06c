/** Bringing a topology to a broker without ever changing what is there, and checking that it is there. */
import { accessRefused, isAccessRefused } from './amqp/access';
import { closeChannel, openQuietChannel } from './amqp/channel';
import type { BrokerConnection } from './amqp/connection';
import {
  type Conflict,
  DECLARING_LOOK_MS,
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

/** Declared and deleted again, to find out whether a feature is there. */
export const PROBE_QUEUE = 'delay.feature-probe';

/**
 * Declares what is missing, after checking the broker's version and features and that nothing present differs.
 *
 * @returns a line for people on what was declared
 * @throws TopologyError for a broker too old, a feature switched off, or anything present that differs; then nothing was changed
 * @throws AccessRefusedError for a user that may not declare
 */
export async function bootstrap(connection: BrokerConnection, topology: Topology): Promise<string> {
  try {
    return await checkAndDeclare(connection, topology);
  } catch (error) {
    if (!isAccessRefused(error)) throw error;
    throw accessRefused(connection, `declare what is needed (${reasonIn(messageOf(error))})`);
  }
}

async function checkAndDeclare(connection: BrokerConnection, topology: Topology): Promise<string> {
  await checkBroker(connection);
  const all = [...topology.exchanges, ...topology.queues];
  const missing = await findMissing(connection, all);
  const present = all.filter((declaration) => !missing.includes(declaration));
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
 * Makes sure that all exchanges and queues are there, or at least those that the user may see; for processes that may not declare.
 *
 * @param used names of those that the process itself uses, and may see; default all
 * @throws TopologyError naming what is missing and the command that declares it
 * @throws AccessRefusedError when one of those used may not even be looked for
 */
export async function requireTopology(
  connection: BrokerConnection,
  { exchanges, queues }: Topology,
  used?: readonly string[],
): Promise<void> {
  const all = [...exchanges, ...queues];
  const isOwn = ({ name }: Declaration) => used?.includes(name) ?? true;
  const missing = await lookFor(connection, all.filter(isOwn));
  missing.push(
    ...(await lookForHidden(
      connection,
      all.filter((each) => !isOwn(each)),
    )),
  );
  const [first] = missing;
  if (!first) return;
  const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
  throw new TopologyError(
    `RabbitMQ at ${connection.host} has no ${first.kind} "${first.name}"${more}. Run "npm run topology" (node dist/topology.js).`,
  );
}

/**
 * Makes sure that no exchange or queue that is there differs from what is needed. To compare needs the right to configure.
 *
 * @returns false when the user may not find out
 * @throws TopologyError naming what differs, what it has and what it should have
 */
export async function requireSameArguments(
  connection: BrokerConnection,
  { exchanges, queues }: Topology,
): Promise<boolean> {
  const all = [...exchanges, ...queues];
  const conflicts = await unlessRefused(async () => [
    // One refusal is enough to know that the others would be refused: each is an error in the broker's log.
    ...(await findConflicts(connection, all.slice(0, 1))),
    ...(await findConflicts(connection, all.slice(1))),
  ]);
  const [first, ...others] = conflicts ?? [];
  if (!first) return conflicts !== undefined;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  throw new TopologyError(
    `What RabbitMQ at ${connection.host} has differs from what is needed: ${describe(first)}${more}. "npm run topology" (node dist/topology.js) names all and says what to do.`,
  );
}

async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isAccessRefused(error)) return undefined;
    throw error;
  }
}

async function lookFor(connection: BrokerConnection, used: Declaration[]): Promise<Declaration[]> {
  try {
    return await findMissing(connection, used);
  } catch (error) {
    if (!isAccessRefused(error)) throw error;
    const why = `${reasonIn(messageOf(error))}; RabbitMQ 4.2.6 and 4.3.0 want the right to configure for that, later ones do not`;
    throw accessRefused(connection, `look whether what it uses is there (${why})`);
  }
}

/** One refusal is enough to know that the others are hidden too: each is an error in the broker's log. */
async function lookForHidden(connection: BrokerConnection, others: Declaration[]): Promise<Declaration[]> {
  const missing = await unlessRefused(async () => [
    ...(await findMissing(connection, others.slice(0, 1))),
    ...(await findMissing(connection, others.slice(1))),
  ]);
  return missing ?? [];
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
  const channel = await openQuietChannel(connection, DECLARING_LOOK_MS);
  try {
    await channel.assertQueue(PROBE_QUEUE, { durable: true, arguments: { 'x-queue-type': 'stream' } });
    await channel.deleteQueue(PROBE_QUEUE);
    await closeChannel(channel);
  } catch (cause) {
    if (isAccessRefused(cause)) throw cause;
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

/** RabbitMQ's own words on what it refuses, such as "access to queue 'q' in vhost '/' refused for user 'u'". */
function reasonIn(message: string): string {
  return /ACCESS_REFUSED - ([^"]+)/.exec(message)?.[1] ?? message;
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
