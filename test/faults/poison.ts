/** What no version of ours ever published, in every shape that AMQP allows. */
import type { Options } from 'amqplib';

/** Something to publish. */
export interface Poison {
  readonly name: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
}

/** Headers by which our messages are read; each gets a value of each type. */
const OUR_HEADERS = [
  ...['due-at', 'delivery', 'attempt', 'revision', 'first-due-at', 'first-attempt-at', 'retry-max-attempts'],
  ...[
    'retry-base-ms',
    'retry-cap-ms',
    'traceparent',
    'tracestate',
    'parked-reason',
    'parked-at',
    'entry',
    'entry-at',
  ],
];

/** A value of each type that AMQP's tables know. Not infinity: RabbitMQ ends the channel of whoever publishes that. */
const VALUES: Readonly<Record<string, unknown>> = {
  'long string': 'x'.repeat(4_000),
  'empty string': '',
  boolean: true,
  byte: -1,
  short: -300,
  int: -70_000,
  long: Number.MAX_SAFE_INTEGER,
  double: 0.5,
  timestamp: { '!': 'timestamp', value: 1_800_000_000 },
  decimal: { '!': 'decimal', value: { places: 2, digits: 5 } },
  bytes: Buffer.from([0xff, 0]),
  void: null,
  array: [1, 'a', null],
  table: { a: { b: 1 } },
};

const valid = {
  messageId: 'poison',
  type: 'orders',
  timestamp: 1_700_000_000,
  contentType: 'application/json',
  headers: { 'due-at': 1_700_000_000_000, delivery: 'poison', attempt: 1 },
};
const payload = Buffer.from('{"order_id":"poison"}');

/** What is small. */
export const POISONS: readonly Poison[] = [
  { name: 'no body, no properties', content: Buffer.alloc(0), options: {} },
  { name: 'no body', content: Buffer.alloc(0), options: valid },
  { name: 'invalid UTF-8', content: Buffer.from([0x22, 0xc3, 0x28, 0xff, 0x22]), options: valid },
  { name: 'deep JSON', content: Buffer.from('['.repeat(200_000) + ']'.repeat(200_000)), options: valid },
  { name: 'JSON of another kind', content: Buffer.from('null'), options: valid },
  { name: '__proto__', content: Buffer.from('{"__proto__":{"order_id":1},"order_id":{}}'), options: valid },
  { name: 'compressed', content: payload, options: { ...valid, contentEncoding: 'gzip' } },
  {
    name: 'sent on to others',
    content: payload,
    options: { ...valid, headers: { ...valid.headers, CC: ['orders'] }, type: 'nobody' },
  },
  ...Object.entries(VALUES).map(([type, value]) => ({
    name: `headers that are ${type}`,
    content: payload,
    options: { ...valid, headers: Object.fromEntries(OUR_HEADERS.map((header) => [header, value])) },
  })),
];

/** The largest body that RabbitMQ 4 takes. */
export const LARGE: Poison = { name: '16 MiB', content: Buffer.alloc(16_777_216, 0x20), options: valid };
