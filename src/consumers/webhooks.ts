/** A webhook that came due: calls its URL, signed. */
import type { z } from 'zod';
import type { Clock } from '../clock';
import type { Logger } from '../logger';
import type { webhookPayload } from '../targets';
import { headerId } from './calls/header-id';
import type { HttpCaller } from './calls/http-caller';
import type { Handler } from './handler';
import { webhookHeaders } from './webhook-signature';

/** What the webhooks handler needs. */
export interface WebhooksOptions {
  /** With guarded connections: the URLs are whatever a client of the API asks for. */
  readonly caller: HttpCaller;
  /** Each signs; none leaves webhooks unsigned. */
  readonly secrets: readonly Buffer[];
  readonly clock: Clock;
  readonly logger: Logger;
}

type Payload = z.output<typeof webhookPayload>;

/** Calls each URL. */
export function createWebhooksHandler({ caller, secrets, clock, logger }: WebhooksOptions): Handler<Payload> {
  return async ({ id, trace, payload: { url: text, method, headers, body } }, signal) => {
    const url = new URL(text);
    const content = contentOf(body);
    const { outcome, status } = await caller.call(
      {
        method,
        url,
        headers: {
          ...(content && { 'content-type': content.type }),
          ...inLowerCase(headers),
          'idempotency-key': headerId(id),
          ...webhookHeaders({ id, at: clock(), body: content?.text ?? '' }, secrets),
        },
        body: content?.text,
        trace,
      },
      signal,
    );
    if (outcome.kind === 'done') logger.info('webhook called', { messageId: id, host: url.host, status });
    return outcome;
  };
}

function contentOf(body: Payload['body']): { type: string; text: string } | undefined {
  if (body === undefined) return undefined;
  if (typeof body === 'string') return { type: 'text/plain; charset=utf-8', text: body };
  return { type: 'application/json', text: JSON.stringify(body) };
}

/** Names of headers are the same in any case, keys of objects are not: without this, one could be sent twice. */
function inLowerCase(headers: Payload['headers'] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
