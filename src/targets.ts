/** What a message can be sent to: each target's name and what its payload must contain. */
import { z } from 'zod';
import { rfc3339 } from './date-time';
import { timeZone } from './time-zone';

/** Longest text taken anywhere a name or an address is meant, in characters. */
export const LONGEST_TEXT = 128;

/** A year in minutes, leap days left out. */
export const YEAR_MINUTES = 365 * 24 * 60;

/** Text of 1 to 128 characters. */
export const text = z.string().min(1).max(LONGEST_TEXT);

/** AMQP's short string: at most 255 bytes. */
const shortString = z
  .string()
  .refine((value) => Buffer.byteLength(value) <= 255, { error: 'must not be longer than 255 bytes' });

/** How long an order waits for its payment, in minutes: up to ten years. */
export const expireMinutes = z
  .int()
  .min(0)
  .max(10 * YEAR_MINUTES);

/** An order that expires unless it is paid. */
export const orderPayload = z.strictObject({
  order_id: text.describe('The order, by the name that its service knows it by'),
  expire_minutes: expireMinutes.optional().describe('For the record: the delay decides'),
});

/** Control characters in an address would start a new mail header. */
const NO_CONTROL_CHARACTERS = /^\P{Cc}*$/u;

/** A mail address on one line. */
export const emailAddress = z
  .string()
  .max(LONGEST_TEXT)
  .regex(NO_CONTROL_CHARACTERS, { error: 'must not contain line breaks or control characters', abort: true })
  .pipe(z.email({ error: 'must be an e-mail address' }))
  .meta({ format: 'email' });

/** A mail made from a template on disk. */
export const emailPayload = z.strictObject({
  email: emailAddress.describe('Whom the mail goes to'),
  template: text.default('welcome').describe('The folder of the template'),
  variables: z
    .record(text, z.union([z.string().max(1000), z.number(), z.boolean()]))
    .optional()
    .describe("What the template's placeholders stand for"),
});

/** Whatever JSON there is. */
export const anyJson = z.json();

/** Names as RFC 9110, 5.6.2 has them; values without line breaks, which would start another header. */
const httpHeaders = z.record(
  z.string().regex(/^[!#$%&'*+.^_`|~\w-]{1,128}$/, { error: 'must be the name of an HTTP header' }),
  z
    .string()
    .max(8_192)
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: 'must be an HTTP header on one line' }),
);

/** Set by the webhooks handler or by the HTTP client itself. */
const RESERVED_HEADERS =
  /^(host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|webhook-.*|idempotency-key)$/i;

const AS_IT_IS = 'Text is sent as it is, anything else as JSON';

/** A URL that is called. */
export const webhookPayload = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .max(2_048)
    .refine((url) => !URL.canParse(url) || new URL(url).username + new URL(url).password === '', {
      error: 'must not contain user and password; send an Authorization header',
    })
    .describe('The http or https URL to call, without user and password'),
  method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE', 'GET']).default('POST').describe('How it is called'),
  headers: httpHeaders
    .refine((headers) => !Object.keys(headers).some((name) => RESERVED_HEADERS.test(name)), {
      error: 'must not contain headers that the service sets itself, such as Host or Webhook-Id',
    })
    .optional()
    .describe('HTTP headers to send; not those that the service sets itself'),
  body: anyJson.optional().describe(AS_IT_IS),
});

/** An AMQP frame has to hold all headers. */
const LONGEST_HEADERS_BYTES = 16_384;

/** A message for any exchange of the vhost. */
export const relayPayload = z.strictObject({
  exchange: shortString.describe("Empty for the default exchange, whose routing key is a queue's name"),
  routing_key: shortString.describe('What the exchange routes by'),
  content: anyJson.describe(AS_IT_IS),
  content_type: shortString
    .min(1)
    .optional()
    .describe('Default `text/plain` for text, `application/json` for anything else'),
  headers: z
    .record(shortString.min(1), z.union([z.string(), z.number(), z.boolean()]))
    .refine((headers) => Buffer.byteLength(JSON.stringify(headers)) <= LONGEST_HEADERS_BYTES, {
      error: 'must not be longer than 16 KiB in all',
    })
    // RabbitMQ would send the message to these keys as well (https://www.rabbitmq.com/docs/sender-selected).
    .refine((headers) => !('CC' in headers || 'BCC' in headers), { error: 'must not contain CC or BCC' })
    .optional()
    .describe('AMQP headers, 16 KiB at most, without CC and BCC'),
});

/** Most addresses that a report goes to. */
export const MOST_ADDRESSES = 20;

/** Longest period of a report, in days. */
export const LONGEST_REPORT_DAYS = 31;

/** A report on what happened, by mail. */
export const reportPayload = z
  .strictObject({
    email: z
      .union([emailAddress, z.array(emailAddress).min(1).max(MOST_ADDRESSES)], {
        error: `must be an e-mail address, or 1 to ${MOST_ADDRESSES} of them`,
      })
      .optional()
      .describe('Whom it goes to; default `REPORT_TO`'),
    timezone: timeZone
      .optional()
      .describe('Whose days and hours are meant, such as "Europe/Berlin"; default `REPORT_TIMEZONE`'),
    from: rfc3339
      .optional()
      .describe('When its period begins, with `to`; default the day that has ended by the due time'),
    to: rfc3339.optional().describe(`When its period ends, at most ${LONGEST_REPORT_DAYS} days later`),
  })
  .refine(({ from, to }) => (from === undefined) === (to === undefined), {
    path: ['to'],
    error: 'from and to go together',
  })
  .refine(({ from, to }) => from === undefined || to === undefined || isPeriod(from, to), {
    path: ['from'],
    error: `must be before to, by at most ${LONGEST_REPORT_DAYS} days`,
  });

function isPeriod(from: string, to: string): boolean {
  const lengthMs = Date.parse(to) - Date.parse(from);
  return lengthMs > 0 && lengthMs <= LONGEST_REPORT_DAYS * 86_400_000;
}

/** Payload schema by target; its keys are the targets. */
export const TARGETS = {
  orders: orderPayload,
  emails: emailPayload,
  webhooks: webhookPayload,
  relay: relayPayload,
  reports: reportPayload,
} as const;

/** A target's name. */
export type TargetName = keyof typeof TARGETS;

/** All targets, in the order in which they are declared and started. */
export const TARGET_NAMES = Object.keys(TARGETS) as [TargetName, ...TargetName[]];

/** The name of a template that there is. */
export function templateName(names: readonly string[]) {
  return z
    .string()
    .refine((name) => names.includes(name), { error: `must be one of ${names.join(', ')}` })
    .meta({ enum: names, description: 'The template of the mail' });
}

/** Each target's payload; a mail's template has to be one that there is. */
export function payloadSchemas(templateNames: readonly string[]) {
  return {
    ...TARGETS,
    emails: TARGETS.emails.extend({ template: templateName(templateNames).default('welcome') }),
  };
}

/** See payloadSchemas. */
export type PayloadSchemas = ReturnType<typeof payloadSchemas>;

/** Where the ticks of schedules go: a target of the service's own, which nobody else can send to. */
export const TICKS = 'ticks';

/** All that consumers take. */
export const CONSUMED = [...TARGET_NAMES, TICKS] as const;

/** A target's name, or that of the ticks. */
export type Consumed = (typeof CONSUMED)[number];
