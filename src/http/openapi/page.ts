/** The document as a page to read. */
import { createHash } from 'node:crypto';
import Handlebars from 'handlebars';
import { METHODS } from '../routes';
import type { ApiDocument } from './document';
import type { Content, Operation } from './operation';
import { PAGE, STYLE } from './page-template';
import { fieldsOf, type Part, partsOf, schemaNameOf } from './schema-text';

/** A page. */
export interface ApiPage {
  readonly html: string;
  /** Lets a browser take the page's own style and nothing else. */
  readonly contentSecurityPolicy: string;
}

/** Renders the page. */
export function apiPage(document: ApiDocument): ApiPage {
  const view: PageView = {
    ...document.info,
    style: STYLE,
    groups: groupsOf(document),
    schemas: schemasOf(document),
  };
  const styleHash = createHash('sha256').update(STYLE).digest('base64');
  return {
    html: Handlebars.compile(PAGE, { knownHelpersOnly: true })(view),
    contentSecurityPolicy: [
      "default-src 'none'",
      `style-src 'sha256-${styleHash}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}

interface PageView {
  readonly title: string;
  readonly version: string;
  readonly summary: string;
  readonly description: string;
  readonly style: string;
  readonly groups: readonly { readonly description: string; readonly operations: readonly object[] }[];
  readonly schemas: readonly {
    readonly name: string;
    readonly fields: readonly object[];
    readonly type: readonly Part[];
  }[];
}

function groupsOf({ tags, paths }: ApiDocument): PageView['groups'] {
  const all = Object.entries(paths).flatMap(([path, operations]) =>
    METHODS.flatMap((method) => {
      const operation = operations[method];
      return operation ? [{ method: method.toUpperCase(), path, operation }] : [];
    }),
  );
  return tags.map(({ name, description }) => ({
    description,
    operations: all
      .filter(({ operation }) => operation.tags.includes(name))
      .map(({ method, path, operation }) => ({ method, path, ...shownOperation(operation) })),
  }));
}

function shownOperation({
  operationId: id,
  summary,
  description,
  parameters,
  requestBody,
  responses,
}: Operation) {
  return {
    id,
    summary,
    description,
    parameters,
    bodies: shownBodies(requestBody?.content),
    answers: Object.entries(responses).map(([status, { description, headers = {}, content }]) => ({
      status: status === 'default' ? 'any other' : status,
      description,
      open: status.startsWith('2'),
      headers: Object.entries(headers).map(([name, header]) => ({ name, ...header })),
      bodies: shownBodies(content),
    })),
  };
}

function shownBodies(content: Readonly<Record<string, Content>> = {}) {
  return Object.entries(content).flatMap(([mediaType, { schema, example, examples }]) =>
    (examples ? Object.values(examples).map(({ value }) => value) : [example]).map((value) => ({
      mediaType,
      schema: schemaNameOf(schema),
      example: typeof value === 'string' ? value : JSON.stringify(value, null, 2),
    })),
  );
}

function schemasOf({ components: { schemas } }: ApiDocument): PageView['schemas'] {
  return Object.entries(schemas).map(([name, schema]) => ({
    name,
    fields: fieldsOf(schema),
    type: partsOf(schema),
  }));
}
