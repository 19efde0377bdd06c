/** JSON Schema in words, with links to the schemas that have a name. */
import type { JsonSchema } from './schemas';

/** A piece of text, or a link to a named schema. */
export type Part = { readonly text: string } | { readonly link: string };

/** A field of an object. */
export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly type: readonly Part[];
  readonly description: string;
}

/** The name of the schema that is referred to; undefined where it is written out. */
export function schemaNameOf(schema: JsonSchema): string | undefined {
  return typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined;
}

/** The fields of an object, those of objects in it with their path; none for anything else. */
export function fieldsOf(schema: JsonSchema, path = ''): Field[] {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).flatMap(([name, property]) => [
    {
      name: path + name,
      required: required.includes(name),
      type: partsOf(property),
      description: String(property.description ?? ''),
    },
    ...fieldsOf(property, `${path}${name}.`),
    ...fieldsOf((property.items ?? {}) as JsonSchema, `${path}${name}[].`),
  ]);
}

/** What a value may be. */
export function partsOf(schema: JsonSchema): Part[] {
  const link = schemaNameOf(schema);
  if (link !== undefined) return [{ link }];
  const choices = schema.anyOf as JsonSchema[] | undefined;
  if (choices) return choices.flatMap((each, i) => [...(i > 0 ? [{ text: ' or ' }] : []), ...partsOf(each)]);
  if (schema.type === 'array') return [{ text: 'array of ' }, ...partsOf((schema.items ?? {}) as JsonSchema)];
  return [{ text: [kindOf(schema), ...boundsOf(schema)].join(', ') }];
}

function kindOf({ type, format, const: constant, enum: choices }: JsonSchema): string {
  if (constant !== undefined) return JSON.stringify(constant);
  if (Array.isArray(choices)) return choices.map((each) => JSON.stringify(each)).join(', ');
  if (type === undefined) return 'anything';
  const kinds = Array.isArray(type) ? type.join(' or ') : String(type);
  return format === undefined ? kinds : `${kinds} (${format})`;
}

const BOUNDS: Readonly<Record<string, string>> = {
  minimum: 'at least',
  maximum: 'at most',
  maxLength: 'characters at most:',
  default: 'default',
};

function boundsOf(schema: JsonSchema): string[] {
  return Object.entries(BOUNDS)
    .filter(([name]) => schema[name] !== undefined)
    .map(([name, words]) => `${words} ${JSON.stringify(schema[name])}`);
}
