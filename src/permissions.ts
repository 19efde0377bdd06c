/**
 * Who may do what on the broker: a user for the bootstrap, one for the API and one for consumers, each with what it needs
 * and nothing else, as RabbitMQ's permission patterns (https://www.rabbitmq.com/docs/access-control).
 */
import type { Access } from './amqp/access';
import type { Topology } from './amqp/declare';
import { PROBE_QUEUE } from './bootstrap';
import { CONSUMED } from './targets';
import {
  CONTROL,
  ENTRY_EXCHANGE,
  EVENTS_EXCHANGE,
  HOLDING_PREFIX,
  KEEPER,
  LEDGER,
  LEDGER_KEEPER,
  PARKED_EXCHANGE,
  parkedQueue,
  targetQueue,
  UNROUTABLE,
} from './topology';

/** Regular expressions that a name must match for a user to declare and delete it, write to it, read from it. */
export interface Permissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** What the access depends on. */
export interface AccessOptions {
  /** Whether there is a ledger. */
  readonly ledger: boolean;
  /** Default all, and the ticks. */
  readonly targets?: readonly string[];
}

/** The API accepts messages, follows the streams and deals with what is parked. */
export function apiAccess({ ledger, targets = CONSUMED }: AccessOptions): Access {
  const shared = sharedBy(ledger);
  const kept = ledger ? [LEDGER_KEEPER] : [];
  return {
    write: [ENTRY_EXCHANGE, ...shared, ...kept],
    read: [...shared, ...kept, ...targets.map(parkedQueue), UNROUTABLE],
  };
}

/**
 * Consumers take what is due, and publish what follows from it: retries, what is parked, events, what happened. They
 * write the ledger and do not read it.
 */
export function consumersAccess({ ledger, targets = CONSUMED }: AccessOptions): Access {
  return {
    write: [ENTRY_EXCHANGE, PARKED_EXCHANGE, EVENTS_EXCHANGE, ...sharedBy(ledger)],
    read: [...sharedBy(ledger && targets.includes('reports')), ...targets.map(targetQueue)],
  };
}

/** Marks, verdicts and the keeper's token: what is written there is read again by whoever wrote it. */
const sharedBy = (ledger: boolean): string[] => [CONTROL, KEEPER, ...(ledger ? [LEDGER] : [])];

/**
 * The patterns of a user that declares this topology, by RabbitMQ's rules: a dead-letter or alternate exchange needs write
 * on it and read on what names it, and a binding needs write on its destination and read on its source. It puts schedules
 * as well: their first ticks go into the wheel.
 */
export function bootstrapPermissions({ exchanges, queues, bindings }: Topology): Permissions {
  const declared = [...exchanges, ...queues].map(({ name }) => name);
  const passingOn = [
    ...exchanges.map(({ name, alternateExchange: to }) => ({ name, to })),
    ...queues.map(({ name, arguments: { 'x-dead-letter-exchange': to } }) => ({ name, to })),
  ].flatMap(({ name, to }) => (typeof to === 'string' ? [{ name, to }] : []));
  return {
    configure: patternOf([...declared, PROBE_QUEUE]),
    write: patternOf([
      ...passingOn.map(({ to }) => to),
      ...bindings.map(({ destination }) => destination),
      ENTRY_EXCHANGE,
    ]),
    read: patternOf([...passingOn.map(({ name }) => name), ...bindings.map(({ source }) => source)]),
  };
}

/** The patterns of a user with this access, who declares nothing. */
export function accessPermissions({ write, read }: Access): Permissions {
  return { configure: patternOf([]), write: patternOf(write), read: patternOf(read) };
}

/** What the holding queues have in common: spelled out, all 180 would make a pattern of four thousand characters. */
const HOLDING_PATTERN = `${escaped(HOLDING_PREFIX)}[0-9a-z]+`;

/** A pattern that matches these names and no other. */
function patternOf(names: readonly string[]): string {
  const alternatives = names.map((name) =>
    name.startsWith(HOLDING_PREFIX) ? HOLDING_PATTERN : escaped(name),
  );
  return alternatives.length > 0 ? `^(${[...new Set(alternatives)].join('|')})$` : '^$';
}

function escaped(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
