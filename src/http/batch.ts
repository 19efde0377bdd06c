/** Many messages in one request: each is accepted or refused by itself. */
import { setImmediate } from 'node:timers/promises';
import type { Request } from 'express';
import type { Logger } from '../logger';
import { BATCH_MAX_BYTES, type BatchItem, batchBody } from './batch-body';
import { answerTo, type ErrorAnswer, prefersProblem, requestFields } from './errors';
import { type MessageIntake, messageIntake, shownAccepted } from './messages';
import type { RouteOptions, Routes } from './routes';
import { InvalidRequestError } from './validation';

/** What the route of batches needs. */
export interface BatchOptions extends Pick<RouteOptions, 'acceptance' | 'clock' | 'templateNames'> {
  readonly logger: Logger;
  /** Largest body in bytes; default 8 MiB. */
  readonly maxBytes?: number | undefined;
}

/** What has become of one message: what it would have been answered alone. */
interface BatchResult {
  readonly status: number;
  /** `Idempotent-Replayed`. */
  readonly replayed?: true;
  /** `Retry-After`, in seconds. */
  readonly retry_after?: number;
  readonly body: object;
}

/** `POST /v1/messages/batch`. */
export function batchRoutes({ logger, maxBytes = BATCH_MAX_BYTES, ...options }: BatchOptions): Routes {
  const accept = messageIntake(options);
  return {
    '/v1/messages/batch': {
      readBody: batchBody(maxBytes),
      post: async (req, res) => {
        refuseIdempotencyKey(req);
        const items = req.body as readonly BatchItem[];
        const settled = await sideBySide(items, (item) => settle(accept, req, item));
        logErrors(logger, req, settled);
        res
          .status(207)
          .vary('Accept')
          .json({ results: settled.map(shownResult) });
      },
    },
  };
}

/** How long the process may be kept from everything else, in milliseconds. */
const LONGEST_HOLD_MS = 10;

/** Begins everything in order, and waits for it; what else the process has to do is done in between. */
async function sideBySide<T>(items: readonly BatchItem[], begin: (item: BatchItem) => Promise<T>) {
  const begun: Promise<T>[] = [];
  let heldSince = performance.now();
  for (const item of items) {
    begun.push(begin(item));
    if (performance.now() - heldSince < LONGEST_HOLD_MS) continue;
    await setImmediate();
    heldSince = performance.now();
  }
  return Promise.all(begun);
}

type Settled = BatchResult | ErrorAnswer;

/** Never rejects. Begins at once, so that of two messages with one id the first is accepted first. */
async function settle(accept: MessageIntake, req: Request, item: BatchItem): Promise<Settled> {
  try {
    const message = await accept(req, item());
    return { status: 202, ...(message.replayed && { replayed: true }), body: shownAccepted(message) };
  } catch (error) {
    return answerTo(error, prefersProblem(req));
  }
}

function shownResult(settled: Settled): BatchResult {
  if (!('headers' in settled)) return settled;
  const { status, headers, body } = settled;
  const retryAfter = headers['Retry-After'];
  return { status, ...(retryAfter !== undefined && { retry_after: Number(retryAfter) }), body };
}

/** One line for all that was refused for the same reason, and one for each error that nobody expected. */
function logErrors(logger: Logger, req: Request, settled: readonly Settled[]): void {
  const lines = new Map<unknown, { log: NonNullable<ErrorAnswer['log']>; messages: number }>();
  for (const each of settled) {
    const log = 'log' in each ? each.log : undefined;
    if (!log) continue;
    const line = lines.get(log.fields.reason ?? log);
    if (line) line.messages++;
    else lines.set(log.fields.reason ?? log, { log, messages: 1 });
  }
  for (const { log, messages } of lines.values())
    logger[log.level](log.event, { ...requestFields(req), ...log.fields, messages });
}

/** One key cannot name many messages. */
function refuseIdempotencyKey(req: Request): void {
  if (req.get('idempotency-key') === undefined) return;
  const msg = 'a batch has none: give each message an id';
  throw new InvalidRequestError([{ loc: ['header', 'Idempotency-Key'], msg, type: 'not_supported' }]);
}
