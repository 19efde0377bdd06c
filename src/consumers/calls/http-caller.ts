/** One HTTP call to a callee: no redirects, no retries of its own, and of the answer only what decides the outcome. */
import { Agent, type buildConnector, request } from 'undici';
import type { Clock } from '../../clock';
import { type Trace, withTrace } from '../../trace-context';
import { NO_TRACING, type SpanEnd, type Tracing } from '../../tracing';
import type { Outcome } from '../outcome';
import { type Answer, outcomeOfAnswer, outcomeOfFailure } from './answer';

/** What is called. */
export interface Call {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET';
  /** User and password in it are sent as Basic authentication. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Goes along as headers, unless those name a trace. */
  readonly trace?: Trace | undefined;
}

/** What came of a call. */
export interface CallResult {
  readonly outcome: Outcome;
  /** Undefined when there was no answer. */
  readonly status?: number;
}

/** Makes calls, over connections that it keeps for a while. */
export interface HttpCaller {
  /**
   * Makes one call; never throws. Errors name method, host and status, never credentials, path, query or a body.
   *
   * @param signal ends the call when its time is over
   */
  call(call: Call, signal: AbortSignal): Promise<CallResult>;
  /** Ends all connections, at once. */
  close(): Promise<void>;
}

/** Options of createHttpCaller. */
export interface HttpCallerOptions {
  /** For dates in Retry-After. */
  readonly clock: Clock;
  /** Default no spans. */
  readonly tracing?: Tracing;
  /** How connections are made; default to any address. */
  readonly connect?: buildConnector.connector;
}

/** How long a connection may take to be made, in milliseconds; sooner than a handler's time limit, to say what it was. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** What of an answer's body is read and thrown away, so that its connection can be used again. */
const DISCARDED = { limit: 65_536, timeoutMs: 1_000 };

/** A caller with connections of its own. */
export function createHttpCaller({ clock, tracing = NO_TRACING, connect }: HttpCallerOptions): HttpCaller {
  // The handler's signal is the only time limit: undici's own would end a call that a longer limit allows.
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: connect ?? { timeout: CONNECT_TIMEOUT_MS },
  });
  const answerTo = async ({ method, url, headers, body }: Call, signal: AbortSignal): Promise<Answer> => {
    const answer = await request(url, {
      dispatcher: agent,
      method,
      headers: { 'user-agent': 'delay-broker', ...basicAuthentication(url), ...headers },
      body: body ?? null,
      signal,
    });
    // The status decides; nobody waits for the body, which may be slow or endless.
    const enough = AbortSignal.timeout(DISCARDED.timeoutMs);
    answer.body.dump({ limit: DISCARDED.limit, signal: enough }).catch(() => {});
    const [retryAfter] = [answer.headers['retry-after']].flat();
    return { status: answer.statusCode, retryAfter };
  };
  const resultOf = async (call: Call, signal: AbortSignal): Promise<CallResult> => {
    const name = `${call.method} ${call.url.host}`;
    try {
      const answer = await answerTo(call, signal);
      return { outcome: outcomeOfAnswer(name, answer, clock()), status: answer.status };
    } catch (error) {
      return { outcome: outcomeOfFailure(name, error) };
    }
  };
  return {
    call: (call, signal) =>
      tracing.call(
        { name: call.method, kind: 'client', attributes: attributesOf(call), trace: call.trace },
        (trace) => resultOf({ ...call, headers: withTrace(call.headers, trace) }, signal),
        spanEndOf,
      ),
    close: () => agent.destroy(),
  };
}

function basicAuthentication({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** Without path and query, as they may hold what nobody else should know. */
function attributesOf({ method, url }: Call) {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  return { 'http.request.method': method, 'server.address': url.hostname, 'server.port': port };
}

function spanEndOf({ outcome, status }: CallResult): SpanEnd {
  return {
    ...(status !== undefined && { attributes: { 'http.response.status_code': status } }),
    ...(outcome.kind !== 'done' && { error: outcome.error }),
  };
}
