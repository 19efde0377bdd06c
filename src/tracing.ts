/**
 * Spans for accepting, handling and calling: the one place that knows OpenTelemetry. Its API is optional and does nothing
 * until whoever runs the service has set up an SDK; then, and without it, traces are passed on as they came.
 *
 * A message may wait for months, and a trace that long helps nobody: handling begins a trace of its own, with a link to
 * the one in which the message was accepted.
 */
import type * as OpenTelemetry from '@opentelemetry/api';
import { messageOf } from './errors';
import type { Message } from './message';
import type { Trace } from './trace-context';

/** What a span says beside its name. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** What a span says at its end. */
export interface SpanEnd {
  readonly attributes?: SpanAttributes;
  /** Why it counts as failed, for people. */
  readonly error?: string | undefined;
}

/** A call of whatever a message leads to. */
export interface TracedCall {
  /** One of few. */
  readonly name: string;
  /** `client` waits for an answer, `producer` for a confirm. */
  readonly kind: 'client' | 'producer';
  readonly attributes: SpanAttributes;
  /** Where the call belongs: that of the message as its handler got it. */
  readonly trace: Trace | undefined;
}

/**
 * Puts spans around what is done. Each passes to `act` the trace in which it runs, for whoever is called, and returns
 * and throws what `act` does; `endOf` says what the span is to say of its result.
 */
export interface Tracing {
  /** Accepting a message, in the trace of its request. */
  accept<T>(
    request: { readonly to: string; readonly trace?: Trace | undefined },
    act: (trace: Trace | undefined) => Promise<T>,
    endOf?: (result: T) => SpanEnd,
  ): Promise<T>;
  /** Handling a message that came due, in a trace of its own. */
  handle<T>(
    message: Message,
    act: (trace: Trace | undefined) => Promise<T>,
    endOf?: (result: T) => SpanEnd,
  ): Promise<T>;
  /** Calling somebody. */
  call<T>(
    call: TracedCall,
    act: (trace: Trace | undefined) => Promise<T>,
    endOf?: (result: T) => SpanEnd,
  ): Promise<T>;
}

type Api = typeof OpenTelemetry;

/** No spans: traces are passed on as they came. */
export const NO_TRACING: Tracing = {
  accept: ({ trace }, act) => act(trace),
  handle: ({ trace }, act) => act(trace),
  call: ({ trace }, act) => act(trace),
};

/** Options of createTracing. */
export interface TracingOptions {
  /** Loads OpenTelemetry's API; default `@opentelemetry/api`, where that is installed. */
  readonly load?: () => Api | undefined;
}

/** Tracing by whatever SDK the process has set up. */
export function createTracing({ load = loadApi }: TracingOptions = {}): Tracing {
  const api = load();
  if (!api) return NO_TRACING;
  const { SpanKind, trace: traces, context } = api;
  const inSpan = spanRunner(api);
  const within = (trace: Trace | undefined, isRemote: boolean) =>
    trace ? traces.setSpanContext(context.active(), spanContextOf(api, trace, isRemote)) : context.active();

  return {
    accept({ to, trace }, act, endOf) {
      // Where requests have spans of their own, that is the parent, and belongs to the request's trace already.
      const parent = traces.getSpan(context.active()) ? context.active() : within(trace, true);
      const options = { kind: SpanKind.PRODUCER, attributes: messaging('send', to) };
      return inSpan(`accept ${to}`, options, parent, trace, act, endOf);
    },
    handle({ to, id, attempt, trace }, act, endOf) {
      const attributes = {
        ...messaging('process', to),
        'messaging.message.id': id,
        'delay_broker.attempt': attempt,
      };
      const links = trace ? [{ context: spanContextOf(api, trace, true) }] : [];
      const options = { kind: SpanKind.CONSUMER, root: true, links, attributes };
      return inSpan(`handle ${to}`, options, context.active(), trace, act, endOf);
    },
    call({ name, kind, attributes, trace }, act, endOf) {
      const options = { kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.PRODUCER, attributes };
      return inSpan(name, options, within(trace, false), trace, act, endOf);
    },
  };
}

/** OpenTelemetry's names for what a span has to do with messages. */
const messaging = (type: 'send' | 'process', target: string): SpanAttributes => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.type': type,
  'messaging.destination.name': target,
});

function loadApi(): Api | undefined {
  try {
    return require('@opentelemetry/api');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Runs something in a span of its own, which ends with it. */
function spanRunner({ trace: traces, context, isSpanContextValid, SpanStatusCode }: Api) {
  const tracer = traces.getTracer('delay-broker');
  return async <T>(
    name: string,
    options: OpenTelemetry.SpanOptions,
    parent: OpenTelemetry.Context,
    given: Trace | undefined,
    act: (trace: Trace | undefined) => Promise<T>,
    endOf: (result: T) => SpanEnd = () => ({}),
  ): Promise<T> => {
    const span = tracer.startSpan(name, options, parent);
    const own = isSpanContextValid(span.spanContext()) ? traceOfSpan(span.spanContext()) : given;
    const fail = (message: string) => span.setStatus({ code: SpanStatusCode.ERROR, message });
    try {
      const result = await context.with(traces.setSpan(parent, span), () => act(own));
      const { attributes = {}, error } = endOf(result);
      span.setAttributes(attributes);
      if (error !== undefined) fail(error);
      return result;
    } catch (error) {
      fail(messageOf(error));
      throw error;
    } finally {
      span.end();
    }
  };
}

function spanContextOf(
  { createTraceState }: Api,
  { traceparent, tracestate }: Trace,
  isRemote: boolean,
): OpenTelemetry.SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  const traceFlags = Number.parseInt(flags, 16);
  return {
    traceId,
    spanId,
    traceFlags,
    isRemote,
    ...(tracestate && { traceState: createTraceState(tracestate) }),
  };
}

function traceOfSpan({ traceId, spanId, traceFlags, traceState }: OpenTelemetry.SpanContext): Trace {
  const tracestate = traceState?.serialize();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    ...(tracestate && { tracestate }),
  };
}
