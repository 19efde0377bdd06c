/** What an operation of the document is made of. The errors are described by what answers them: errors.ts. */

import { answerTo, type ErrorAnswer } from '../errors';
import type { METHODS } from '../routes';
import { InvalidRequestError } from '../validation';
import { type JsonSchema, refTo, type SchemaName } from './schemas';

/** One method of a path. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly object[];
  readonly requestBody?: RequestBody;
  readonly responses: Responses;
}

/** Operations by method, by path. */
export type Paths = Readonly<Record<string, Readonly<Partial<Record<(typeof METHODS)[number], Operation>>>>>;

/** What is sent, by its media type. */
export interface RequestBody {
  readonly required: boolean;
  readonly content: Readonly<Record<string, Content>>;
}

/** Answers by status; `default` is any other. */
export type Responses = Readonly<Record<string, ResponseDescription>>;

interface ResponseDescription {
  readonly description: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Readonly<Record<string, Content>>;
}

/** A body in one media type. */
export interface Content {
  readonly schema: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Record<string, { readonly value: unknown }>;
}

/** A body in JSON. */
export function jsonBody(schema: SchemaName, example: unknown, { required = true } = {}): RequestBody {
  return { required, content: { 'application/json': { schema: refTo(schema), example } } };
}

/** An answer in JSON. */
export function jsonAnswer(
  description: string,
  schema: SchemaName,
  example: unknown,
  headers: Readonly<Record<string, string>> = {},
): ResponseDescription {
  return {
    description,
    ...(Object.keys(headers).length > 0 && { headers: describedHeaders(headers) }),
    content: { 'application/json': { schema: refTo(schema), example } },
  };
}

/** An answer in another media type. */
export function textAnswer(description: string, mediaType: string, example: string): ResponseDescription {
  return { description, content: { [mediaType]: { schema: { type: 'string' }, example } } };
}

/** A part of the path. */
export function inPath(name: string, description: string, example: string): object {
  return { name, in: 'path', required: true, description, schema: { type: 'string' }, example };
}

/** A header of the request. */
export function inHeader(name: string, description: string): object {
  return { name, in: 'header', description, schema: { type: 'string' } };
}

/** Errors by a name for their example. */
export type Refusals = Readonly<Record<string, Error | ErrorAnswer>>;

/** What these errors are answered, by status. */
export function refusals(errors: Refusals): Responses {
  const responses: Record<string, ResponseDescription> = {};
  for (const [name, error] of Object.entries(errors)) {
    for (const { status, headers, body } of answersTo(error)) {
      const { 'Content-Type': mediaType = '', ...others } = headers;
      const { description, headers: known, content = {} } = responses[status] ?? { description: '' };
      const title = String((body as { title?: string }).title ?? 'Invalid request');
      responses[status] = {
        description: description.includes(title)
          ? description
          : [description, title].filter(Boolean).join('; '),
        headers: { ...known, ...describedHeaders(others) },
        content: {
          ...content,
          [mediaType]: {
            schema: refTo('title' in body ? 'Problem' : 'Invalid'),
            examples: { ...content[mediaType]?.examples, [name]: { value: body } },
          },
        },
      };
    }
  }
  return responses;
}

/** In the forms that a client may prefer. */
function answersTo(error: Error | ErrorAnswer): ErrorAnswer[] {
  if (!(error instanceof Error)) return [error];
  const preferences = error instanceof InvalidRequestError ? [false, true] : [false];
  return preferences.map((asProblem) => answerTo(error, asProblem));
}

const HEADERS: Readonly<Record<string, string>> = {
  Vary: 'The answer depends on `Accept`',
  'Retry-After': 'When to try again, in seconds',
  'WWW-Authenticate': 'What key is needed',
};

function describedHeaders(headers: Readonly<Record<string, string>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      { description: HEADERS[name] ?? value, schema: { type: 'string' } },
    ]),
  );
}
