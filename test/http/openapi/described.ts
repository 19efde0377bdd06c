/** The API's own description, as a program uses it that knows nothing else. */
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { type ApiDocument, apiDocument } from '../../../src/http/openapi/document';
import type { Content, Operation } from '../../../src/http/openapi/operation';
import type { JsonSchema } from '../../../src/http/openapi/schemas';
import { METHODS } from '../../../src/http/routes';

export const document: ApiDocument = apiDocument({ clock: Date.now, templateNames: ['welcome', 'reminder'] });

/** All operations, one after the other. */
export const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) => {
    const operation = item[method];
    return operation ? [{ method: method.toUpperCase(), path, operation }] : [];
  }),
);

export type Described = (typeof operations)[number];

const ajv = new Ajv2020({ allowUnionTypes: true, allErrors: true, formats: {} });
addFormats(ajv);
ajv.addVocabulary(['openapi', 'info', 'servers', 'tags', 'paths', 'security', 'components']);
ajv.addSchema(document, 'api');

/** What is wrong with a value; nothing, if it is as its schema says. */
export function faultsIn(schema: JsonSchema, value: unknown): string[] {
  const { $ref } = schema;
  const validate = ajv.compile(typeof $ref === 'string' ? { $ref: `api${$ref}` } : schema);
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** The values that a description shows for a body. */
export const examplesOf = ({ example, examples }: Content): unknown[] =>
  examples ? Object.values(examples).map(({ value }) => value) : [example];

/** A request as its operation's examples have it. */
export interface ExampleRequest {
  readonly path: string;
  readonly init: { method: string; headers: Record<string, string>; body?: string };
}

/** The example requests of an operation, one for each media type that it takes. */
export function exampleRequests({ method, path, operation }: Described): ExampleRequest[] {
  const target = (operation.parameters as { in: string; name: string; example?: string }[] | undefined)
    ?.filter((parameter) => parameter.in === 'path')
    .reduce((filled, { name, example = '' }) => filled.replace(`{${name}}`, example), path);
  const request = { path: target ?? path, init: { method, headers: {} } };
  const contents = Object.entries(operation.requestBody?.content ?? {});
  if (contents.length === 0) return [request];
  return contents.map(([type, { example }]) => ({
    ...request,
    init: {
      method,
      headers: { 'Content-Type': type },
      body: typeof example === 'string' ? example : JSON.stringify(example),
    },
  }));
}

/** What is wrong with an answer to an operation; nothing, if it is described and as described. */
export async function faultsOfAnswer(operation: Operation, answer: Response): Promise<string[]> {
  const { status } = answer;
  const described = operation.responses[status];
  if (!described) return [`${status} is not described: ${await answer.text()}`];
  const [type = ''] = (answer.headers.get('Content-Type') ?? '').split(';');
  const content = described.content?.[type];
  const text = await answer.text();
  if (!content) return [`${status} is not described as ${type}`];
  const undescribed = ['Location', 'Retry-After', 'Vary', 'Idempotent-Replayed'].filter(
    (name) => answer.headers.has(name) && !described.headers?.[name],
  );
  const faults = faultsIn(content.schema, type.endsWith('json') ? JSON.parse(text) : text);
  return [...faults, ...undescribed.map((name) => `the header ${name} is not described`)];
}
