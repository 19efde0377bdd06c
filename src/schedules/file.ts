/** The file of schedules that a repository keeps beside what uses them. */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { messageOf } from '../errors';
import { parseJson } from '../json';
import type { PayloadSchemas } from '../targets';
import { type Definition, definitionSchema, scheduleName } from './definition';

/** Schedules by name. */
export type Definitions = Readonly<Record<string, Definition>>;

/**
 * Reads a JSON object of schedules by name.
 *
 * @throws Error naming the file and everything that is wrong with it
 */
export function readSchedules(path: string, payloads: PayloadSchemas): Definitions {
  let content: unknown;
  try {
    content = parseJson(readFileSync(path));
  } catch (cause) {
    throw new Error(`SCHEDULES_FILE ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new Error(`SCHEDULES_FILE ${path} must have a JSON object: schedules by name.`);
  const read = Object.entries(content).map(([name, given]) => readOne(name, given, payloads));
  const faults = read.flatMap(({ faults }) => faults);
  if (faults.length > 0)
    throw new Error(`SCHEDULES_FILE ${path} is wrong:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return Object.fromEntries(read.map(({ name, definition }) => [name, definition as Definition]));
}

interface Read {
  readonly name: string;
  readonly faults: readonly string[];
  readonly definition?: Definition;
}

function readOne(name: string, given: unknown, payloads: PayloadSchemas): Read {
  const named = scheduleName.safeParse(name);
  const { data, error } = definitionSchema.safeParse(given);
  const payload = data && payloads[data.to].safeParse(data.payload);
  const faults = [
    ...faultsOf(named.error, name),
    ...faultsOf(error, name),
    ...faultsOf(payload?.error, `${name}.payload`),
  ];
  return faults.length > 0 || !data
    ? { name, faults }
    : { name, faults, definition: { ...data, payload: payload?.data } };
}

function faultsOf(error: z.ZodError | undefined, at: string): string[] {
  return (error?.issues ?? []).map(
    ({ path, message }) => `${[at, ...path.map(String)].join('.')}: ${message}`,
  );
}
