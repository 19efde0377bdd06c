import * as api from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { observeAcceptance } from '../src/changes/observe-acceptance';
import { createHttpCaller } from '../src/consumers/calls/http-caller';
import { traceHandler } from '../src/consumers/handler';
import { done, retry } from '../src/consumers/outcome';
import type { Message } from '../src/message';
import { createMetrics } from '../src/metrics';
import { createScheduler } from '../src/scheduler';
import { type Trace, traceOf } from '../src/trace-context';
import { createTracing, type Tracing } from '../src/tracing';
import { scriptedServer, status } from './consumers/calls/scripted-server';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const trace: Trace = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`, tracestate: 'congo=t61' };

const publisher = { publish: async () => {}, close: async () => {} };

/** Accepts a message that belongs to a trace. */
const accept = (tracing: Tracing, broker = publisher) =>
  observeAcceptance({
    scheduler: createScheduler({ publisher: broker, clock: Date.now }),
    metrics: createMetrics(),
    tracing,
  }).schedule({ to: 'orders', payload: {}, dueAt: 0, trace });

/** Handles a message, and gives the trace that a callee of its handler is handed. */
async function handedOn(tracing: Tracing, message: Message): Promise<Trace | undefined> {
  let handed: Trace | undefined;
  const handler = async (handled: Message) => {
    const call = { name: 'POST', kind: 'client', attributes: {}, trace: handled.trace } as const;
    await tracing.call(call, async (own) => {
      handed = own;
    });
    return done;
  };
  await traceHandler(handler, tracing)(message);
  return handed;
}

describe.each([
  ['without OpenTelemetry', () => createTracing({ load: () => undefined })],
  ['with its API and no SDK', () => createTracing()],
])('%s', (_, tracing) => {
  test('a trace is passed on as it came', async () => {
    const message = await accept(tracing());
    expect(message.trace).toEqual(trace);
    expect(await handedOn(tracing(), message)).toEqual(trace);
  });

  test('where there is none, none is made up', async () => {
    const { trace: _, ...message } = await accept(tracing());
    expect(await handedOn(tracing(), message)).toBeUndefined();
  });
});

describe('with an SDK', () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  let tracing: Tracing;
  beforeAll(() => {
    api.trace.setGlobalTracerProvider(provider);
    tracing = createTracing();
  });
  beforeEach(() => exporter.reset());
  afterAll(async () => {
    api.trace.disable();
    await provider.shutdown();
  });

  const spanOf = (name: string): ReadableSpan => {
    const span = exporter.getFinishedSpans().find((each) => each.name === name);
    if (!span) throw new Error(`there is no span "${name}"`);
    return span;
  };
  const asTrace = (span: ReadableSpan) => {
    const { traceId, spanId } = span.spanContext();
    return `00-${traceId}-${spanId}-01`;
  };

  test("accepting belongs to the request's trace, and the message to the span of its acceptance", async () => {
    const message = await accept(tracing);
    const span = spanOf('accept orders');
    expect(span.kind).toBe(api.SpanKind.PRODUCER);
    expect(span.spanContext().traceId).toBe(TRACE_ID);
    expect(span.parentSpanContext).toMatchObject({ spanId: '00f067aa0ba902b7', isRemote: true });
    expect(span.attributes).toMatchObject({
      'messaging.system': 'rabbitmq',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'orders',
      'messaging.message.id': message.id,
    });
    expect(message.trace).toEqual({ traceparent: asTrace(span), tracestate: 'congo=t61' });
  });

  test('handling begins a trace of its own, linked to the acceptance; a call is part of it', async () => {
    const message = { ...(await accept(tracing)), attempt: 2 };
    const handed = await handedOn(tracing, message);
    const [accepting, handling, call] = ['accept orders', 'handle orders', 'POST'].map(spanOf);
    if (!accepting || !handling || !call) throw new Error('a span is missing');
    expect(handling.parentSpanContext).toBeUndefined();
    expect(handling.spanContext().traceId).not.toBe(TRACE_ID);
    expect(handling.links.map(({ context }) => context.spanId)).toEqual([accepting.spanContext().spanId]);
    expect(handling.attributes).toMatchObject({
      'messaging.operation.type': 'process',
      'messaging.message.id': message.id,
      'delay_broker.attempt': 2,
      'delay_broker.outcome': 'done',
    });
    expect(call.spanContext().traceId).toBe(handling.spanContext().traceId);
    expect(call.parentSpanContext?.spanId).toBe(handling.spanContext().spanId);
    expect(handed).toEqual({ traceparent: asTrace(call) });
    expect(traceOf({ ...handed })).toEqual(handed);
  });

  test('what fails says so, and is thrown or returned all the same', async () => {
    const refusing = { ...publisher, publish: () => Promise.reject(new Error('no way in')) };
    await expect(accept(tracing, refusing)).rejects.toThrow('no way in');
    expect(spanOf('accept orders').status).toEqual({
      code: api.SpanStatusCode.ERROR,
      message: 'no way in',
    });
    const message = await accept(tracing);
    const busy = traceHandler(async () => retry('busy'), tracing);
    await expect(busy(message)).resolves.toEqual(retry('busy'));
    expect(spanOf('handle orders')).toMatchObject({
      status: { code: api.SpanStatusCode.ERROR, message: 'busy' },
      attributes: { 'delay_broker.outcome': 'retry' },
    });
  });

  test('a call over HTTP says where to and how it went, but no path, query or password', async () => {
    const server = await scriptedServer();
    server.answer(status(503));
    const caller = createHttpCaller({ clock: Date.now, tracing });
    const url = new URL(`http://ann:PASSWORD@${server.host}/PATH?token=TOKEN`);
    await caller.call({ method: 'POST', url, headers: {}, trace }, new AbortController().signal);
    const span = spanOf('POST');
    expect(span.kind).toBe(api.SpanKind.CLIENT);
    expect(span.attributes).toEqual({
      'http.request.method': 'POST',
      'server.address': '127.0.0.1',
      'server.port': server.port,
      'http.response.status_code': 503,
    });
    expect(span.status.code).toBe(api.SpanStatusCode.ERROR);
    expect(JSON.stringify([span.attributes, span.status])).not.toMatch(/PASSWORD|PATH|TOKEN/);
    expect(server.received[0]?.headers.traceparent).toBe(asTrace(span));
    await caller.close();
    await server.close();
  });
});
