/** The schemas of the document, made from those that validate. */
import { z } from 'zod';
import { definitionFields } from '../../schedules/definition';
import { anyJson, payloadSchemas } from '../../targets';
import { MOST_MESSAGES } from '../batch-body';
import { welcomeEmail } from '../emails';
import { meetingReminder } from '../meetings';
import { rescheduleBody } from '../message';
import { messageSchema } from '../messages';
import { submitOrder } from '../orders';
import { deleteBody, redriveBody } from '../parked';
import type { RouteOptions } from '../routes';
import { WHEN_FIELDS } from '../when';
import { answerSchemas } from './answer-schemas';

/** JSON Schema, as OpenAPI 3.1 has it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What some of the schemas depend on. */
export type SchemaOptions = Pick<RouteOptions, 'clock' | 'templateNames'>;

/** The name of a schema in the document. */
export type SchemaName = keyof ReturnType<typeof namedSchemas>;

/** Where a named schema stands. */
export const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** All named schemas as JSON Schema: bodies as they are sent, before defaults are filled in. */
export function componentSchemas(options: SchemaOptions): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(namedSchemas(options))) registry.add(schema, { id: name });
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    uri: (id) => refTo(id).$ref,
    override: ({ jsonSchema }) => refine(jsonSchema),
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema, $id, ...schema }]) => [name, schema]),
  );
}

/** A query's fields as parameters. */
export function queryParameters(query: z.ZodObject): object[] {
  const { properties = {} } = z.toJSONSchema(query, {
    io: 'input',
    override: ({ jsonSchema }) => refine(jsonSchema),
  });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...schema } = property as JsonSchema;
    return { name, in: 'query', description, schema };
  });
}

/** Leaves out what says nothing: zod's pattern for date-time, and the bounds of what JavaScript calls an integer. */
function refine(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.format === 'date-time') delete schema.pattern;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
}

function namedSchemas({ clock, templateNames }: SchemaOptions) {
  const payloads = payloadSchemas(templateNames);
  const base = messageSchema(clock);
  /** What furtherFaults looks for: the payload is the target's, and one field says when. */
  const messageTo = <To extends keyof typeof payloads>(to: To) =>
    base
      .extend({ to: z.literal(to).describe('The target that handles it'), payload: payloads[to] })
      .meta({ oneOf: WHEN_FIELDS.map((field) => ({ required: [field] })) });
  const messages = {
    MessageToOrders: messageTo('orders'),
    MessageToEmails: messageTo('emails'),
    MessageToWebhooks: messageTo('webhooks'),
    MessageToRelay: messageTo('relay'),
    MessageToReports: messageTo('reports'),
  };
  const { MessageToOrders, MessageToEmails, MessageToWebhooks, MessageToRelay, MessageToReports } = messages;
  const message = z.union([
    MessageToOrders,
    MessageToEmails,
    MessageToWebhooks,
    MessageToRelay,
    MessageToReports,
  ]);
  return {
    SubmitOrder: submitOrder,
    WelcomeEmail: welcomeEmail(templateNames),
    MeetingReminder: meetingReminder(clock),
    Message: message,
    ...messages,
    Batch: z.array(message).min(1).max(MOST_MESSAGES),
    OrdersPayload: payloads.orders,
    EmailsPayload: payloads.emails,
    WebhooksPayload: payloads.webhooks,
    RelayPayload: payloads.relay,
    ReportsPayload: payloads.reports,
    Reschedule: rescheduleBody(clock).meta({ oneOf: WHEN_FIELDS.map((field) => ({ required: [field] })) }),
    Schedule: definitionFields.meta({ oneOf: ['cron', 'every'].map((field) => ({ required: [field] })) }),
    Redrive: redriveBody,
    Delete: deleteBody,
    Json: anyJson,
    ...answerSchemas,
  };
}
