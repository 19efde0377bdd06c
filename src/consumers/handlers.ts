/** Each target's handler, put together from the configuration. */
import type { Publisher } from '../amqp/publisher';
import type { Clock } from '../clock';
import type { Config } from '../config';
import type { Logger } from '../logger';
import { createMailer } from '../mailer';
import type { Reporter } from '../reports/report';
import { type Consumed, TARGETS, type TargetName } from '../targets';
import type { Templates } from '../templates';
import type { Tracing } from '../tracing';
import { createGuardedConnector } from './calls/address-guard';
import { CONNECT_TIMEOUT_MS, createHttpCaller } from './calls/http-caller';
import { NOTHING_ALLOWED } from './calls/networks';
import { createEmailsHandler } from './emails';
import { type GuardedHandler, guardHandler, traceHandler } from './handler';
import { createOrdersHandler } from './orders';
import { createRelayHandler, type RelayOptions } from './relay';
import { createReportsHandler } from './reports';
import { createWebhooksHandler } from './webhooks';

/** What the handlers need. */
export interface HandlersOptions {
  readonly config: Config;
  /** What this process consumes. */
  readonly targets: readonly Consumed[];
  /** For events. */
  readonly publisher: Publisher;
  readonly relay: Pick<RelayOptions, 'publisher' | 'exchangeExists'>;
  readonly templates: Templates;
  /** None without a ledger. */
  readonly reporter: Reporter | undefined;
  readonly tracing: Tracing;
  readonly clock: Clock;
  /** Also for what was done with each message; those lines are at level info and have its `messageId`. */
  readonly logger: Logger;
}

/** The handlers, and what ends the connections that they keep. */
export interface Handlers {
  readonly byTarget: Readonly<Record<TargetName, GuardedHandler>>;
  /** Closes the connections to the mail server and to whatever is called. */
  close(): Promise<void>;
}

/** Mail servers refuse a client that opens many more. */
const MOST_SMTP_CONNECTIONS = 20;

/** All handlers, each behind its payload's schema and its target's time limit. */
export function createHandlers(options: HandlersOptions): Handlers {
  const { config, targets, publisher, relay, templates, reporter, tracing, clock, logger } = options;
  const mailer = createMailer({
    smtpUrl: config.SMTP_URL,
    from: config.MAIL_FROM,
    connections: Math.min(config.targets.emails.handlers, MOST_SMTP_CONNECTIONS),
    outboxDir: config.OUTBOX_DIR,
  });
  const { open, guarded } = createCallers(options);
  const callback = config.ORDER_CALLBACK_URL && { url: config.ORDER_CALLBACK_URL, caller: open };
  const secrets = config.WEBHOOK_SECRET ?? [];
  if (secrets.length === 0 && targets.includes('webhooks'))
    logger.warn('webhooks go out unsigned', { why: 'WEBHOOK_SECRET is not set' });

  const orders = createOrdersHandler({ publisher, callback, tracing, clock, logger });
  const emails = createEmailsHandler({ mailer, templates, logger });
  const webhooks = createWebhooksHandler({ caller: guarded, secrets, clock, logger });
  const limitMs = (target: TargetName) => config.targets[target].handlerTimeoutMs;
  const relaying = createRelayHandler({ ...relay, tracing, clock, logger });
  const { REPORT_TO: to = [], REPORT_TIMEZONE: timezone } = config;
  const reports = createReportsHandler({ reporter, mailer, templates, to, timezone, logger });
  const traced = (handler: GuardedHandler) => traceHandler(handler, tracing);
  return {
    byTarget: {
      orders: traced(guardHandler(TARGETS.orders, orders, limitMs('orders'))),
      emails: traced(guardHandler(TARGETS.emails, emails, limitMs('emails'))),
      webhooks: traced(guardHandler(TARGETS.webhooks, webhooks, limitMs('webhooks'))),
      relay: traced(guardHandler(TARGETS.relay, relaying, limitMs('relay'))),
      reports: traced(guardHandler(TARGETS.reports, reports, limitMs('reports'))),
    },
    async close() {
      mailer.close();
      await Promise.all([open.close(), guarded.close()]);
    },
  };
}

/** The order service is the operator's own and may be anywhere; a webhook's URL comes from whoever uses the API. */
function createCallers({ config, tracing, clock }: HandlersOptions) {
  const connect = createGuardedConnector({
    allow: config.WEBHOOK_ALLOW ?? NOTHING_ALLOWED,
    timeoutMs: CONNECT_TIMEOUT_MS,
  });
  return {
    open: createHttpCaller({ tracing, clock }),
    guarded: createHttpCaller({ tracing, clock, connect }),
  };
}
