/**
 * Every error this service raises on purpose: a stable `code` to decide by, a message a person can
 * act on, the `cause` for the log. How each becomes an HTTP answer stands in http/errors.ts.
 */

/** The base of all of them. */
export abstract class DelayBrokerError extends Error {
  /** Stable, for programs. */
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** RabbitMQ cannot be reached, blocks publishers or does not keep up: nothing was sent, try again later. */
export class BrokerUnavailableError extends DelayBrokerError {
  readonly code = 'broker_unavailable';
}

/**
 * The message was sent but its confirm never came: the broker may have it or not. Sending it again is
 * safe for whoever tolerates a copy.
 */
export class OutcomeUnknownError extends DelayBrokerError {
  readonly code = 'outcome_unknown';
}

/** RabbitMQ answered that it does not take the message: returned as unroutable, or negatively acknowledged. */
export class PublishRefusedError extends DelayBrokerError {
  readonly code = 'publish_refused';
}

/** Something that topology.ts declares is missing from the broker, or differs. */
export class TopologyError extends DelayBrokerError {
  readonly code = 'topology';
}

/** RabbitMQ does not let this process's user do what it needs to do. */
export class AccessRefusedError extends DelayBrokerError {
  readonly code = 'access_refused';
}

/** A delivery that is no valid message; it cannot be handled however often it is tried. */
export class MalformedMessageError extends DelayBrokerError {
  readonly code = 'malformed_message';
}

/** A webhook leads where none may go; trying again would not help. */
export class AddressRefusedError extends DelayBrokerError {
  readonly code = 'address_refused';
}

/** There is no such message, or nothing is known of it. */
export class UnknownMessageError extends DelayBrokerError {
  readonly code = 'unknown_message';
  /** @param complete whether every message there is would be known; default yes */
  constructor(id: string, { complete = true } = {}) {
    super(`There is no message "${id}"${complete ? '' : ', as far back as the ledger goes'}.`);
  }
}

/** There is no schedule of this name. */
export class UnknownScheduleError extends DelayBrokerError {
  readonly code = 'unknown_schedule';
  constructor(name: string) {
    super(`There is no schedule "${name}".`);
  }
}

/** A schedule was put by another version of this service, and this one cannot read it. */
export class BrokenScheduleError extends DelayBrokerError {
  readonly code = 'broken_schedule';
}

/** A message is due, or was handled, or is about to be: it can no longer be changed. */
export class TooLateError extends DelayBrokerError {
  readonly code = 'too_late';
}

/** The id belongs to a message with other content. */
export class IdTakenError extends DelayBrokerError {
  readonly code = 'id_taken';
}

/** The same, where the id came as Idempotency-Key, whose draft asks for an answer of its own. */
export class IdempotencyKeyReusedError extends DelayBrokerError {
  readonly code = 'idempotency_key_reused';
}

/** Another request is changing the same message at this moment; who tries again will find it done. */
export class InProgressError extends DelayBrokerError {
  readonly code = 'in_progress';
}

/** What was asked for needs the ledger, and that is switched off. */
export class LedgerOffError extends DelayBrokerError {
  readonly code = 'ledger_off';
  constructor(what: string) {
    super(`${what} needs the ledger, which is switched off here (LEDGER=off).`);
  }
}

/** Environment variables that are missing or wrong; `problems` has a line for each. */
export class ConfigError extends DelayBrokerError {
  readonly code = 'config';
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Whether it says that a message was not published, or perhaps not, for a reason that may pass. */
export function isPublishError(error: unknown): boolean {
  return (
    error instanceof BrokerUnavailableError ||
    error instanceof OutcomeUnknownError ||
    error instanceof PublishRefusedError
  );
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
