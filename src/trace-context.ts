/**
 * Which trace a message belongs to, as W3C Trace Context has it (https://www.w3.org/TR/trace-context/): two headers of the
 * same names in HTTP and AMQP. What is not as it should be is left out, as that specification asks, and never an error.
 */

/** A place in a trace; its fields are the headers. */
export interface Trace {
  /** Trace, span and flags: `00-<32 hex digits>-<16>-<2>`. */
  readonly traceparent: string;
  /** What tracing systems add for themselves. */
  readonly tracestate?: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Flags that version 00 knows: sampled, and random trace id. */
const KNOWN_FLAGS = 0b11;

/** Key and value of one system; a value may hold what is printable, without comma and equals sign. */
const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MOST_MEMBERS = 32;

/** What everybody has to pass on at least, in characters; it travels with the message for years. */
const LONGEST_STATE = 512;

/** The trace that headers name; undefined when they name none, or not as they should. Names in lower case. */
export function traceOf(headers: Readonly<Record<string, unknown>>): Trace | undefined {
  const traceparent = validParent(headers.traceparent);
  if (traceparent === undefined) return undefined;
  const tracestate = validState(headers.tracestate);
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}

/** Headers with a trace's own added. A trace that is in them already was put there on purpose, and stays. */
export function withTrace<Headers extends object>(headers: Headers, trace: Trace | undefined): Headers {
  return 'traceparent' in headers || 'tracestate' in headers ? headers : { ...headers, ...trace };
}

/** A later version is read as far as this one goes, and passed on as this one. */
function validParent(value: unknown): string | undefined {
  const [, version = 'ff', traceId = '', parentId = '', flags = '', more] =
    TRACEPARENT.exec(typeof value === 'string' ? value.trim() : '') ?? [];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  const known = (Number.parseInt(flags, 16) & KNOWN_FLAGS).toString(16).padStart(2, '0');
  return `00-${traceId}-${parentId}-${known}`;
}

/** Its members, as many as fit; the first are those that wrote last. */
function validState(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const members = value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  if (members.length > MOST_MEMBERS || !members.every((member) => MEMBER.test(member))) return undefined;
  if (new Set(members.map((member) => member.split('=')[0])).size < members.length) return undefined;
  while (members.join(',').length > LONGEST_STATE) members.pop();
  return members.length > 0 ? members.join(',') : undefined;
}
