/** Checking what a client sent, every fault at once. */
import type { z } from 'zod';
import { DelayBrokerError } from '../errors';

/** One fault of a request. */
export interface Fault {
  /** Where: `body`, then the path to the field. */
  readonly loc: readonly (string | number)[];
  /** What is wrong, for people. */
  readonly msg: string;
  /** What is wrong, for programs. */
  readonly type: string;
}

/** A request that cannot be accepted as it is. */
export class InvalidRequestError extends DelayBrokerError {
  readonly code = 'invalid_request';
  constructor(readonly faults: readonly Fault[]) {
    super('The request is not valid.');
  }
}

const SEND_JSON = 'send a JSON object with Content-Type: application/json';

/** The body is not the JSON that it should be; `type` and `why` say how, `remedy` what to send. */
export function notJson(
  type: 'json_invalid' | 'json_missing',
  why: string,
  remedy = SEND_JSON,
): InvalidRequestError {
  return new InvalidRequestError([{ loc: ['body'], msg: `${why}; ${remedy}`, type }]);
}

/**
 * The body as its schema makes it.
 *
 * @param furtherFaults what a schema cannot say, looked for even where the schema has found faults; gets the body as it came
 * @throws InvalidRequestError with every fault
 */
export function validBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  furtherFaults: (body: Readonly<Record<string, unknown>>) => readonly Fault[] = () => [],
): z.output<Schema> {
  if (body === undefined) throw notJson('json_missing', 'the body is empty or not marked as JSON');
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw notJson('json_invalid', 'the body must be an object');
  }
  const { data, error } = schema.safeParse(body, { reportInput: true });
  const faults = [
    ...(error ? faultsOf(error, ['body']) : []),
    ...furtherFaults(body as Record<string, unknown>),
  ];
  if (faults.length > 0) throw new InvalidRequestError(faults);
  return data as z.output<Schema>;
}

/** A schema's findings as faults. */
export function faultsOf(error: z.ZodError, at: readonly string[]): Fault[] {
  return error.issues.flatMap((issue) => {
    const loc = [...at, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ loc: [...loc, key], msg: 'unknown field', type: 'unknown_field' }));
    }
    if (issue.input === undefined) return [{ loc, msg: 'field required', type: 'missing' }];
    return [{ loc, msg: issue.message, type: FAULT_TYPES[issue.code] ?? issue.code }];
  });
}

/** Where zod's name for what is wrong says too little; the others (`too_small`, `too_big`, `invalid_format`) are taken over. */
const FAULT_TYPES: Partial<Record<z.core.$ZodIssue['code'], string>> = {
  invalid_type: 'wrong_type',
  custom: 'invalid_value',
  invalid_key: 'invalid_value',
  invalid_union: 'invalid_value',
};
