/**
 * Declaring and checking exchanges, queues and bindings. RabbitMQ answers a missing or a different one by
 * closing the channel, so every worker here goes on with a fresh one.
 */
import type { Channel } from 'amqplib';
import { messageOf } from '../errors';
import { closeChannel, isNotFound, openQuietChannel, replyCodeOf } from './channel';
import type { BrokerConnection } from './connection';

/** A durable exchange. */
export interface ExchangeDeclaration {
  readonly kind: 'exchange';
  readonly name: string;
  readonly type: 'topic' | 'direct' | 'fanout';
  /** Where messages go that no binding takes. */
  readonly alternateExchange?: string;
}

/** A durable queue. */
export interface QueueDeclaration {
  readonly kind: 'queue';
  readonly name: string;
  /** Its `x-…` arguments: together with the name they are the queue's identity. */
  readonly arguments: Readonly<Record<string, string | number | boolean>>;
}

/** A binding from an exchange to a queue or to another exchange. */
export interface BindingDeclaration {
  readonly source: string;
  readonly destination: string;
  readonly destinationKind: 'exchange' | 'queue';
  readonly pattern: string;
}

/** Everything that has to be on a broker. Exchanges and queues in an order in which each finds what it names. */
export interface Topology {
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly BindingDeclaration[];
}

/** An exchange or queue. */
export type Declaration = ExchangeDeclaration | QueueDeclaration;

/** A declaration that the broker refuses, with its reason. */
export interface Conflict {
  readonly declaration: Declaration;
  readonly reason: string;
}

/** RabbitMQ handles one request of a channel at a time; some channels side by side keep it busy. */
const CHANNELS = 8;
/** See openAnswering. In a cluster whose node has just come back, a declaration may wait for minutes until all agree on the others. */
export const DECLARING_LOOK_MS = 60_000;
const PRECONDITION_FAILED = 406;

/**
 * Which of these are not on the broker. Looks only. From RabbitMQ 4.2.7 and 4.3.1 on that needs some permission on each, in 4.2.6 and
 * 4.3.0 that to configure, and before none (https://github.com/rabbitmq/rabbitmq-server/pull/16272).
 *
 * @throws amqplib's error when the broker refuses to answer, for want of permission for instance
 */
export async function findMissing(
  connection: BrokerConnection,
  declarations: readonly Declaration[],
): Promise<Declaration[]> {
  const failures = await onChannels(connection, declarations, checkOne);
  return failures.map(({ item, error }) => {
    if (!isNotFound(error)) throw error;
    return item;
  });
}

/**
 * Which of these are on the broker with other properties. RabbitMQ compares what is declared again, and declares what is not there: so each is
 * looked for first, which closes the channel if it is missing. Changes nothing, unless somebody deletes one between these two.
 */
export async function findConflicts(
  connection: BrokerConnection,
  declarations: readonly Declaration[],
): Promise<Conflict[]> {
  const failures = await onChannels(connection, declarations, async (channel, declaration) => {
    await checkOne(channel, declaration);
    await declareOne(channel, declaration);
  });
  return failures.flatMap(({ item, error }) => {
    if (isNotFound(error)) return [];
    if (replyCodeOf(error) !== PRECONDITION_FAILED) throw error;
    return [{ declaration: item, reason: messageOf(error) }];
  });
}

/** Declares exchanges, then queues, then bindings. Repeating it changes nothing. */
export async function declareTopology(
  connection: BrokerConnection,
  { exchanges, queues, bindings }: Topology,
): Promise<void> {
  // One after the other: an exchange must exist before another names it as its alternate.
  const failures = [
    ...(await onChannels(connection, exchanges, declareOne, 1)),
    ...(await onChannels(connection, queues, declareOne)),
    ...(await onChannels(
      connection,
      bindings,
      (channel, { source, destination, destinationKind, pattern }) =>
        destinationKind === 'queue'
          ? channel.bindQueue(destination, source, pattern)
          : channel.bindExchange(destination, source, pattern),
    )),
  ];
  if (failures[0]) throw failures[0].error;
}

const checkOne = (channel: Channel, { kind, name }: Declaration): Promise<unknown> =>
  kind === 'exchange' ? channel.checkExchange(name) : channel.checkQueue(name);

function declareOne(channel: Channel, declaration: Declaration): Promise<unknown> {
  const { kind, name } = declaration;
  if (kind === 'queue') return channel.assertQueue(name, { durable: true, arguments: declaration.arguments });
  const { type, alternateExchange } = declaration;
  return channel.assertExchange(name, type, {
    durable: true,
    ...(alternateExchange && { alternateExchange }),
  });
}

interface Failure<T> {
  readonly item: T;
  readonly error: unknown;
}

async function onChannels<T>(
  connection: BrokerConnection,
  items: readonly T[],
  act: (channel: Channel, item: T) => Promise<unknown>,
  channels = CHANNELS,
): Promise<Failure<T>[]> {
  const failures: Failure<T>[] = [];
  const rest = [...items].reverse();
  const worker = async () => {
    let channel: Channel | undefined;
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) {
      channel ??= await openQuietChannel(connection, DECLARING_LOOK_MS);
      try {
        await act(channel, item);
      } catch (error) {
        failures.push({ item, error });
        channel = undefined;
      }
    }
    if (channel) await closeChannel(channel);
  };
  await Promise.all(Array.from({ length: Math.min(channels, items.length) }, worker));
  return failures;
}
