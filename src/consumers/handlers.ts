/** Each target's handler, put together from the configuration. */
import type { Publisher } from '../amqp/publisher';
import type { Clock } from '../clock';
import type { Config } from '../config';
import type { Logger } from '../logger';
import { createMailer } from '../mailer';
import { TARGETS, type TargetName } from '../targets';
import type { Templates } from '../templates';
import { createEmailsHandler } from './emails';
import { type GuardedHandler, guardHandler } from './handler';
import { createOrdersHandler } from './orders';
import { createRelayHandler, type RelayOptions } from './relay';

/** What the handlers need. */
export interface HandlersOptions {
  readonly config: Config;
  /** For events. */
  readonly publisher: Publisher;
  readonly relay: Pick<RelayOptions, 'publisher' | 'exchangeExists'>;
  readonly templates: Templates;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The handlers, and what ends the connections that they keep. */
export interface Handlers {
  readonly byTarget: Readonly<Record<TargetName, GuardedHandler>>;
  /** Closes the connections to the mail server. */
  close(): void;
}

/** All handlers, each behind its payload's schema and its target's time limit. */
export function createHandlers(options: HandlersOptions): Handlers {
  const { config, publisher, relay, templates, clock, logger } = options;
  const mailer = createMailer({
    smtpUrl: config.SMTP_URL,
    from: config.MAIL_FROM,
    outboxDir: config.OUTBOX_DIR,
  });
  const limitMs = (target: TargetName) => config.targets[target].handlerTimeoutMs;
  return {
    byTarget: {
      orders: guardHandler(
        TARGETS.orders,
        createOrdersHandler({ publisher, clock, logger }),
        limitMs('orders'),
      ),
      emails: guardHandler(
        TARGETS.emails,
        createEmailsHandler({ mailer, templates, logger }),
        limitMs('emails'),
      ),
      relay: guardHandler(TARGETS.relay, createRelayHandler({ ...relay, clock, logger }), limitMs('relay')),
    },
    close: () => mailer.close(),
  };
}
