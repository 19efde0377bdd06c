/** The environment, read once. Every variable, its default and its meaning stands here. */
import { hostname } from 'node:os';
import { z } from 'zod';
import { ConfigError } from './errors';
import { LOG_FORMATS, LOG_LEVELS } from './logger';

const port = z.coerce.number().int().min(0).max(65_535);
const milliseconds = z.coerce.number().int().min(0).max(3_600_000);

const brokerUrl = z.string().refine(isBrokerUrl, {
  error: 'must be a URL such as amqp://user:password@host:5672/vhost (or amqps://)',
});

const smtpUrl = z.string().refine((value) => isUrl(value, ['smtp:', 'smtps:']), {
  error: 'must be a URL such as smtp://user:password@host:587 (or smtps://)',
});

const schema = z.object({
  AMQP_URL: brokerUrl.describe(
    'RabbitMQ 3.10 or newer: `amqp://` or `amqps://`, with user, password and vhost',
  ),
  CONNECT_WAIT_MS: milliseconds
    .default(60_000)
    .describe('how long a starting process tries to reach RabbitMQ before it gives up; 0 tries once'),
  CONFIRM_TIMEOUT_MS: milliseconds
    .min(1)
    .default(1_500)
    .describe('how long a confirm may take before a request is answered 503, outcome unknown'),
  HTTP_HOST: z.string().min(1).default('127.0.0.1').describe('address the API listens on'),
  HTTP_PORT: port.default(8_000).describe('port the API listens on'),
  HEALTH_PORT: port
    .optional()
    .describe('port on which the `consumers` role answers `/livez` and `/readyz`; none by default'),
  HANDLERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .describe('handlers running at once, per target and process'),
  PREFETCH: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .default(300)
    .describe('most messages in hand, held or being handled, per target and process'),
  HANDLER_TIMEOUT_MS: milliseconds
    .min(1)
    .default(60_000)
    .describe('how long one handling may take before it counts as failed'),
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
  LOG_LEVEL: z
    .enum(LOG_LEVELS)
    .default('info')
    .describe('the least urgent level that is logged: error, warn, info or debug'),
  LOG_FORMAT: z.enum(LOG_FORMATS).default('json').describe('`json` for machines, `pretty` for a person'),
});

/** The schema's shape, for the documentation's test. */
export const CONFIG_VARIABLES = schema.shape;

/** The configuration, with defaults filled in. */
export type Config = z.infer<typeof schema>;

/**
 * Reads the configuration.
 *
 * @param env where from; an empty value counts as not set
 * @throws ConfigError with a line for every variable that is wrong
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const { data, error } = schema.safeParse(set, {
    error: (issue) => (issue.input === undefined ? 'is not set' : undefined),
  });
  if (error) throw new ConfigError(error.issues.map((issue) => problem(issue)));
  return data;
}

/** How this process is named in the management UI: host and process id. */
export const PROCESS_NAME = `${hostname()}:${process.pid}`;

function problem({ path: [name], message }: z.core.$ZodIssue): string {
  const description = schema.shape[name as keyof Config].description;
  return `${String(name)}: ${message} (${description})`;
}

function isBrokerUrl(value: string): boolean {
  return isUrl(value, ['amqp:', 'amqps:']);
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  return URL.canParse(value) && protocols.includes(new URL(value).protocol) && new URL(value).hostname !== '';
}
