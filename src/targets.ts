/** What a message can be sent to: each target's name and what its payload must contain. */
import { z } from 'zod';

/** Longest text taken anywhere a name or an address is meant, in characters. */
export const LONGEST_TEXT = 128;

const YEAR_MINUTES = 365 * 24 * 60;

/** Text of 1 to 128 characters. */
export const text = z.string().min(1).max(LONGEST_TEXT);

/** How long an order waits for its payment, in minutes: up to ten years. */
export const expireMinutes = z
  .int()
  .min(0)
  .max(10 * YEAR_MINUTES);

/** An order that expires unless it is paid. */
export const orderPayload = z.strictObject({ order_id: text, expire_minutes: expireMinutes });

/** Control characters in an address would start a new mail header. */
const NO_CONTROL_CHARACTERS = /^\P{Cc}*$/u;

/** A mail address on one line. */
export const emailAddress = z
  .string()
  .max(LONGEST_TEXT)
  .regex(NO_CONTROL_CHARACTERS, { error: 'must not contain line breaks or control characters', abort: true })
  .pipe(z.email({ error: 'must be an e-mail address' }));

/** A mail made from a template on disk. */
export const emailPayload = z.strictObject({
  email: emailAddress,
  template: text.default('welcome'),
  /** What the template's placeholders stand for. */
  variables: z.record(text, z.union([z.string().max(1000), z.number(), z.boolean()])).optional(),
});

/** Payload schema by target; its keys are the targets. */
export const TARGETS = { orders: orderPayload, emails: emailPayload } as const;

/** A target's name. */
export type TargetName = keyof typeof TARGETS;

/** All targets, in the order in which they are declared and started. */
export const TARGET_NAMES = Object.keys(TARGETS) as [TargetName, ...TargetName[]];
