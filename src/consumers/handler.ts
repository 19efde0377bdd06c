/** What a target's handler is: a function from a message to an outcome, within a time limit. */
import type { z } from 'zod';
import { messageOf } from '../errors';
import type { Message } from '../message';
import type { Tracing } from '../tracing';
import { type Outcome, reject, retry } from './outcome';

/** A message whose payload is known to be what the target asks for. */
export type MessageOf<Payload> = Omit<Message, 'payload'> & { readonly payload: Payload };

/**
 * Handles one message. Anything it throws counts as a failure to be tried again.
 *
 * @param signal aborts when the time limit is over; the outcome no longer counts then
 */
export type Handler<Payload> = (message: MessageOf<Payload>, signal: AbortSignal) => Promise<Outcome>;

/** A handler that checks the payload itself and always comes to an outcome. */
export type GuardedHandler = (message: Message) => Promise<Outcome>;

/**
 * Puts a handler behind its payload's schema and a time limit.
 *
 * @param timeoutMs how long it may take before it counts as failed, in milliseconds
 */
export function guardHandler<Schema extends z.ZodType>(
  schema: Schema,
  handler: Handler<z.output<Schema>>,
  timeoutMs: number,
): GuardedHandler {
  return async (message) => {
    const { data, error } = schema.safeParse(message.payload);
    if (error)
      return reject(
        error.issues.map((issue) => `${['payload', ...issue.path].join('.')}: ${issue.message}`).join('; '),
      );

    const timeout = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => {
        timeout.abort();
        resolve(retry(`took longer than ${timeoutMs} ms`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([handler({ ...message, payload: data }, timeout.signal), tooLate]);
    } catch (thrown) {
      return retry(messageOf(thrown));
    } finally {
      clearTimeout(timer);
    }
  };
}

/** The same handler, in a span; the message that it gets says in which trace it runs, for whoever it calls. */
export function traceHandler(handler: GuardedHandler, tracing: Tracing): GuardedHandler {
  return (message) =>
    tracing.handle(
      message,
      (trace) => handler({ ...message, trace }),
      (outcome) => ({
        attributes: { 'delay_broker.outcome': outcome.kind },
        ...(outcome.kind !== 'done' && { error: outcome.error }),
      }),
    );
}
