/** The environment, read once. Every variable, its default and its meaning stands here. */
import { hostname } from 'node:os';
import { z } from 'zod';
import { MAX_IN_FLIGHT } from './amqp/in-flight';
import { belongTogether, readCertificates, readPrivateKey, type TlsMaterial } from './amqp/tls';
import type { RetryPolicy } from './consumers/backoff';
import { parseAllowList } from './consumers/calls/networks';
import { parseWebhookSecrets } from './consumers/webhook-signature';
import { durationMs } from './duration';
import { ConfigError, messageOf } from './errors';
import { parseApiKeys } from './http/api-keys';
import { BATCH_MAX_BYTES } from './http/batch-body';
import { SERVER_LIMITS } from './http/limits';
import { HEALTH_PATHS, parsePublicPaths } from './http/public-paths';
import { parseRateLimit } from './http/rate-limit';
import { parseTrustedProxies } from './http/trusted-proxies';
import { LOG_FORMATS, LOG_LEVELS } from './logger';
import { emailAddress, MOST_ADDRESSES, TARGET_NAMES, type TargetName } from './targets';
import { timeZone } from './time-zone';
import { LONGEST_DELAY_MS } from './wheel';

const port = z.coerce.number().int().min(0).max(65_535);
const milliseconds = z.coerce.number().int().min(0).max(3_600_000);

const brokerUrl = z.string().refine(isBrokerUrl, {
  error: 'must be a URL such as amqp://user:password@host:5672/vhost (or amqps://)',
});

const smtpUrl = z.string().refine((value) => isUrl(value, ['smtp:', 'smtps:']), {
  error: 'must be a URL such as smtp://user:password@host:587 (or smtps://)',
});

/** The callback's password may need percent-encoding, and what cannot be decoded would fail at every call. */
const callbackUrl = z
  .string()
  .refine((value) => isUrl(value, ['http:', 'https:']) && isDecodable(new URL(value)), {
    error: 'must be a URL such as https://user:password@shop.example/expired (or http://)',
    abort: true,
  })
  .transform((value) => new URL(value));

/** A value read by a function that throws a message for the operator. */
const parsedBy = <Value>(parse: (text: string) => Value) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue(messageOf(error));
      return z.NEVER;
    }
  });

/** A duration such as `1s` or `24h`, between two bounds in milliseconds; comes out in milliseconds. */
const duration = (leastMs: number, mostMs: number) =>
  z.string().transform((text, context) => {
    const parsedMs = durationMs(text);
    if (parsedMs !== undefined && parsedMs >= leastMs && parsedMs <= mostMs) return parsedMs;
    context.addIssue(
      parsedMs === undefined
        ? 'must be a duration such as "1s", "90m" or "24h"'
        : `must be from ${leastMs} ms to ${mostMs} ms`,
    );
    return z.NEVER;
  });

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** Each of these can be set for one target alone, with its name before it: `ORDERS_HANDLERS`. */
const perTarget = {
  HANDLERS: whole(1, 10_000).default(50).describe('handlers running at once, per target and process'),
  PREFETCH: whole(1, 65_535)
    .default(300)
    .describe('most messages in hand, held or being handled, per target and process'),
  // RabbitMQ takes a message back from a consumer after half an hour (https://www.rabbitmq.com/docs/consumers).
  HANDLER_TIMEOUT_MS: milliseconds
    .min(1)
    .max(1_500_000)
    .default(60_000)
    .describe('how long one handling may take before it counts as failed'),
  RETRY_ATTEMPTS: whole(1, 1_000).default(10).describe('attempts at most, the first one included'),
  RETRY_BASE_MS: milliseconds.default(2_000).describe('upper bound of the wait after the first attempt'),
  RETRY_FACTOR: z.coerce
    .number()
    .min(1)
    .max(100)
    .default(2)
    .describe('how much that bound grows with each attempt'),
  RETRY_CAP_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(LONGEST_DELAY_MS)
    .default(600_000)
    .describe('the bound grows no further than this'),
};

type PerTarget = { readonly [Name in keyof typeof perTarget]: number };

const schema = z.object({
  AMQP_URL: brokerUrl.describe(
    'RabbitMQ 3.10 or newer: `amqp://` or `amqps://`, with user, password and vhost',
  ),
  AMQP_CA_FILE: parsedBy(readCertificates)
    .optional()
    .describe('for `amqps://`: PEM file with whom to trust; without one, whom Node trusts'),
  AMQP_CERT_FILE: parsedBy(readCertificates)
    .optional()
    .describe("PEM file with this client's certificate, where RabbitMQ wants one"),
  AMQP_KEY_FILE: parsedBy(readPrivateKey)
    .optional()
    .describe('PEM file with its private key, without a passphrase'),
  CONNECT_WAIT_MS: milliseconds
    .default(60_000)
    .describe('how long a starting process tries to reach RabbitMQ before it gives up; 0 tries once'),
  CONFIRM_TIMEOUT_MS: milliseconds
    .min(1)
    .default(1_500)
    .describe('how long a confirm may take before a request is answered 503, outcome unknown'),
  MAX_IN_FLIGHT: whole(1, 1_000_000)
    .default(MAX_IN_FLIGHT)
    .describe('messages sent and not confirmed yet, per process; beyond it requests are answered 503'),
  HTTP_HOST: z.string().min(1).default('127.0.0.1').describe('address the API listens on'),
  HTTP_PORT: port.default(8_000).describe('port the API listens on'),
  BATCH_MAX_BYTES: whole(1_024, 67_108_864)
    .default(BATCH_MAX_BYTES)
    .describe('largest body of `POST /v1/messages/batch`, in bytes'),
  API_KEYS: parsedBy(parseApiKeys)
    .optional()
    .describe(
      'keys that open the API: `NAME:SHA256` or `NAME:SHA256:TARGET+TARGET`, several separated by commas; without them it needs none',
    ),
  PUBLIC_PATHS: parsedBy(parsePublicPaths)
    .default(HEALTH_PATHS)
    .describe('paths that need no key, separated by commas; `none` for none'),
  ALLOW_ANONYMOUS: z
    .stringbool({ truthy: ['true'], falsy: ['false'], error: 'must be true or false' })
    .default(false)
    .describe('`true` lets an API without keys listen beyond this machine'),
  RATE_LIMIT: parsedBy(parseRateLimit)
    .optional()
    .describe('requests that each key, or each address without one, may send: `100/s`, `6000/min`'),
  TRUST_PROXY: parsedBy(parseTrustedProxies)
    .optional()
    .describe(
      'proxies whose `X-Forwarded-For` is believed: how many there are, or their addresses and networks',
    ),
  MAX_CONNECTIONS: whole(1, 1_000_000)
    .default(SERVER_LIMITS.connections)
    .describe('HTTP connections open at once; further ones are closed as they come'),
  HEALTH_PORT: port
    .optional()
    .describe(
      'port on which the `consumers` role answers `/livez`, `/readyz` and `/metrics`; none by default',
    ),
  ...perTarget,
  CANCEL_GUARD: duration(500, 3_600_000)
    .prefault('1s')
    .describe('a message due sooner than this can no longer be cancelled or rescheduled; 500ms at least'),
  LEDGER: z
    .enum(['on', 'off'])
    .default('on')
    .transform((value) => value === 'on')
    .describe(
      '`off` leaves out the stream of everything that happens, and what depends on it: one id once, status, list, reschedule',
    ),
  // A Map ends at 16.7 million entries.
  LEDGER_MAX: whole(1_000, 10_000_000)
    .default(1_000_000)
    .describe('most messages that the API keeps in view, about 400 bytes each'),
  ID_HOLD: duration(0, 365 * 86_400_000)
    .prefault('24h')
    .describe('how long after its due time an id still counts as taken'),
  DRAIN_TIMEOUT_MS: milliseconds
    .default(10_000)
    .describe('how long a stopping process waits for what is running'),
  SMTP_URL: smtpUrl
    .optional()
    .describe('mail server; without one, mails are written as .eml files to OUTBOX_DIR'),
  MAIL_FROM: z
    .string()
    .min(1)
    .regex(/^\P{Cc}+$/u, { error: 'must be on one line' })
    .default('Delay Broker <no-reply@localhost>')
    .describe('sender of the mails'),
  OUTBOX_DIR: z.string().min(1).default('outbox').describe('folder for mails where no SMTP_URL is set'),
  TEMPLATES_DIR: z
    .string()
    .min(1)
    .default('templates')
    .describe('folder with one folder for each mail template'),
  SCHEDULES_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('JSON file of schedules by name, which `npm run topology` puts'),
  REPORT_TO: z
    .string()
    .transform((text) => text.split(',').map((address) => address.trim()))
    .pipe(z.array(emailAddress).max(MOST_ADDRESSES))
    .optional()
    .describe('whom reports go to that name nobody: addresses, separated by commas'),
  REPORT_TIMEZONE: timeZone
    .default('UTC')
    .describe('whose days and hours reports go by that name no other time zone'),
  ORDER_CALLBACK_URL: callbackUrl
    .optional()
    .describe('order service, called for each order that comes due; without one, every such order expires'),
  WEBHOOK_SECRET: parsedBy(parseWebhookSecrets)
    .optional()
    .describe('signs webhooks: `whsec_…`, several separated by commas; without one they go out unsigned'),
  WEBHOOK_ALLOW: parsedBy(parseAllowList)
    .optional()
    .describe(
      'hosts and networks that webhooks may call by http and in private networks, separated by commas',
    ),
  LOG_LEVEL: z
    .enum(LOG_LEVELS)
    .default('info')
    .describe('the least urgent level that is logged: error, warn, info or debug'),
  LOG_SAMPLE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('share of the messages that are logged when they are accepted and handled, from 0 to 1'),
  LOG_FORMAT: z.enum(LOG_FORMATS).default('json').describe('`json` for machines, `pretty` for a person'),
});

/** The schema's shape, for the documentation's test. */
export const CONFIG_VARIABLES = schema.shape;

/** The variables that can be set for one target alone. */
export const PER_TARGET_VARIABLES = Object.keys(perTarget) as (keyof PerTarget)[];

const overrides: z.ZodType<Record<string, number | undefined>> = z.object(
  Object.fromEntries(
    TARGET_NAMES.flatMap((target) =>
      PER_TARGET_VARIABLES.map((name) => [variableFor(target, name), perTarget[name].unwrap().optional()]),
    ),
  ),
);

/** What can differ between targets. */
export interface TargetSettings {
  /** Handlers running at once. */
  readonly handlers: number;
  /** Messages in hand at most, held and running. */
  readonly prefetch: number;
  /** How long one handling may take, in milliseconds. */
  readonly handlerTimeoutMs: number;
  readonly retryPolicy: RetryPolicy;
}

/** The configuration, with defaults filled in. */
export type Config = z.infer<typeof schema> & {
  readonly targets: Readonly<Record<TargetName, TargetSettings>>;
  readonly tls: TlsMaterial;
};

/**
 * Reads the configuration.
 *
 * @param env where from; an empty value counts as not set
 * @throws ConfigError with a line for every variable that is wrong
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const error = (issue: { input?: unknown }) => (issue.input === undefined ? 'is not set' : undefined);
  const general = schema.safeParse(set, { error });
  const special = overrides.safeParse(set);
  const tls = tlsOf(general.data);
  const tlsFaults = tlsProblems(set, tls);
  if (!general.success || !special.success || tlsFaults.length > 0) {
    const issues = [...(general.error?.issues ?? []), ...(special.error?.issues ?? [])];
    throw new ConfigError([...issues.map(problem), ...tlsFaults]);
  }
  const targets = TARGET_NAMES.map((target) => [target, settingsOf(target, general.data, special.data)]);
  return { ...general.data, targets: Object.fromEntries(targets), tls };
}

function tlsOf(general: z.infer<typeof schema> | undefined): TlsMaterial {
  return { ca: general?.AMQP_CA_FILE, cert: general?.AMQP_CERT_FILE, key: general?.AMQP_KEY_FILE };
}

/** What the variables for TLS are, taken together. */
function tlsProblems(set: Record<string, unknown>, { cert, key }: TlsMaterial): string[] {
  const { AMQP_URL, AMQP_CERT_FILE, AMQP_KEY_FILE } = set;
  const names = ['AMQP_CA_FILE', 'AMQP_CERT_FILE', 'AMQP_KEY_FILE'].filter((name) => name in set);
  const withoutTls = String(AMQP_URL).startsWith('amqp:') ? names : [];
  return [
    ...withoutTls.map((name) => `${name}: goes with amqps://, and AMQP_URL begins with amqp://`),
    ...(AMQP_CERT_FILE && !AMQP_KEY_FILE ? ['AMQP_KEY_FILE: is not set, and AMQP_CERT_FILE is'] : []),
    ...(AMQP_KEY_FILE && !AMQP_CERT_FILE ? ['AMQP_CERT_FILE: is not set, and AMQP_KEY_FILE is'] : []),
    ...(cert && key && !belongTogether(cert, key)
      ? ['AMQP_KEY_FILE: is not the key of the certificate in AMQP_CERT_FILE']
      : []),
  ];
}

/** How this process is named in the management UI: host and process id. */
export const PROCESS_NAME = `${hostname()}:${process.pid}`;

function variableFor(target: TargetName, name: keyof PerTarget): string {
  return `${target.toUpperCase()}_${name}`;
}

/** A report reads the whole ledger, which may be four million entries. */
const LEAST_REPORT_TIMEOUT_MS = 600_000;

function settingsOf(
  target: TargetName,
  general: PerTarget,
  special: Readonly<Record<string, number | undefined>>,
): TargetSettings {
  const value = (name: keyof PerTarget) => special[variableFor(target, name)] ?? general[name];
  const ownTimeoutMs = special[variableFor(target, 'HANDLER_TIMEOUT_MS')];
  const leastTimeoutMs = target === 'reports' ? LEAST_REPORT_TIMEOUT_MS : 0;
  return {
    handlers: value('HANDLERS'),
    prefetch: value('PREFETCH'),
    handlerTimeoutMs: ownTimeoutMs ?? Math.max(general.HANDLER_TIMEOUT_MS, leastTimeoutMs),
    retryPolicy: {
      maxAttempts: value('RETRY_ATTEMPTS'),
      baseMs: value('RETRY_BASE_MS'),
      factor: value('RETRY_FACTOR'),
      capMs: value('RETRY_CAP_MS'),
    },
  };
}

function problem({ path: [name], message }: z.core.$ZodIssue): string {
  const variable = String(name);
  const general = PER_TARGET_VARIABLES.find((each) => variable.endsWith(`_${each}`)) ?? variable;
  return `${variable}: ${message} (${schema.shape[general as keyof typeof schema.shape].description})`;
}

function isBrokerUrl(value: string): boolean {
  return isUrl(value, ['amqp:', 'amqps:']);
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(`${username}:${password}`);
    return true;
  } catch {
    return false;
  }
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol) && new URL(value).hostname !== '';
}
