/** The API described in OpenAPI 3.1, from the schemas that validate and the errors that are answered. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BATCH_MAX_BYTES } from '../batch-body';
import { messagePaths } from './messages';
import type { Paths } from './operation';
import { parkedPaths } from './parked';
import { processPaths } from './process';
import { reportPaths } from './report';
import { schedulePaths } from './schedules';
import { componentSchemas, type JsonSchema, type SchemaOptions } from './schemas';
import { shopPaths } from './shop';

/** What the document depends on. */
export interface DocumentOptions extends SchemaOptions {
  /** Largest body of a batch in bytes; default 8 MiB. */
  readonly batchMaxBytes?: number | undefined;
}

/** The document. */
export interface ApiDocument {
  readonly openapi: string;
  readonly info: Readonly<Record<'title' | 'version' | 'summary' | 'description', string>>;
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Paths;
  readonly security: readonly object[];
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: object;
  };
}

const DESCRIPTION = `JSON in UTF-8. An invalid request is answered 422 with every fault at once; every other error is \
\`application/problem+json\` (RFC 9457), and so is a 422 for a client whose \`Accept\` prefers that. A path that is not there \
is answered 404, a method that is not possible 405 with \`Allow\`; where GET is possible, so is HEAD. \`default\` stands for \
these and for any other error.`;

/** Writes the document. */
export function apiDocument({ batchMaxBytes = BATCH_MAX_BYTES, ...options }: DocumentOptions): ApiDocument {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Delay Broker',
      version: ownVersion(),
      summary: 'Accepts a message over HTTP now and has it handled later.',
      description: DESCRIPTION,
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'messages', description: 'Any message, to any target' },
      { name: 'orders', description: 'Orders that expire unless they are paid' },
      { name: 'emails', description: 'Mails' },
      { name: 'schedules', description: 'What runs again and again' },
      { name: 'parked', description: 'What failed for good' },
      { name: 'process', description: 'The process and its API' },
    ],
    paths: {
      ...messagePaths(batchMaxBytes),
      ...reportPaths,
      ...shopPaths,
      ...schedulePaths,
      ...parkedPaths,
      ...processPaths,
    },
    // Where API_KEYS is not set, none is needed.
    security: [{}, { key: [] }],
    components: {
      schemas: componentSchemas(options),
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key of API_KEYS' } },
    },
  };
}

/** Three folders up from here, compiled or not. */
function ownVersion(): string {
  return JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')).version;
}
