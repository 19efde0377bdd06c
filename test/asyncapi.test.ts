/** What docs/asyncapi.yaml says of messages is compared with those that a broker hands over. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv, { type AnySchema } from 'ajv';
import addFormats from 'ajv-formats';
import type { GetMessage } from 'amqplib';
import { parse } from 'yaml';
import { createExchangeCheck } from '../src/amqp/exchanges';
import { createHttpCaller, type HttpCaller } from '../src/consumers/calls/http-caller';
import { guardHandler } from '../src/consumers/handler';
import { createOrdersHandler } from '../src/consumers/orders';
import { createRelayHandler } from '../src/consumers/relay';
import { TARGETS, type TargetName } from '../src/targets';
import { CONTROL } from '../src/topology';
import type { Trace } from '../src/trace-context';
import { createWorld, type World } from './broker/world';
import { type ScriptedServer, scriptedServer, status } from './consumers/calls/scripted-server';

const document = parse(readFileSync(join(__dirname, '../docs/asyncapi.yaml'), 'utf8'));

const ajv = new Ajv({ strict: false, allErrors: true, formats: {} });
addFormats(ajv);
ajv.addSchema(document, 'asyncapi');

type Part = 'payload' | 'headers' | 'x-amqp-properties';

const faultsIn = (schema: AnySchema, value: unknown): string[] => {
  const validate = ajv.compile(schema);
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
};

/** What is wrong with a part of a message. */
const faultsOf = (message: string, part: Part, value: unknown) =>
  faultsIn({ $ref: `asyncapi#/components/messages/${message}/${part}` }, value);

/** The properties that are set, by AMQP's own names. */
function amqpProperties({ messageId, contentType, deliveryMode, timestamp, type, ...others }: Properties) {
  const { headers: _, ...unexpected } = others;
  const named = {
    message_id: messageId,
    content_type: contentType,
    delivery_mode: deliveryMode,
    timestamp,
    type,
  };
  return Object.fromEntries(
    Object.entries({ ...named, ...unexpected }).filter(([, value]) => value !== undefined),
  );
}

type Properties = GetMessage['properties'];

/** What is wrong with a message, all parts of it. */
function faultsOfMessage(name: string, { content, properties }: GetMessage, payload: unknown): string[] {
  return [
    ...faultsOf(name, 'payload', payload ?? JSON.parse(String(content))),
    ...faultsOf(name, 'headers', properties.headers ?? {}),
    ...faultsOf(name, 'x-amqp-properties', amqpProperties(properties)),
  ];
}

test('the document is AsyncAPI 3', () => {
  const schema = require('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  expect(faultsIn(schema, document)).toEqual([]);
});

test('its examples are as their schemas say', () => {
  for (const [name, { examples }] of Object.entries<{ examples: Record<Part, unknown>[] }>(
    document.components.messages,
  )) {
    expect(examples.length).toBeGreaterThan(0);
    for (const { headers, payload } of examples)
      expect([...faultsOf(name, 'payload', payload), ...faultsOf(name, 'headers', headers)]).toEqual([]);
  }
});

describe('on a broker', () => {
  const { exchange } = document.channels.orderEvents.bindings.amqp;
  const trace: Trace = {
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: 'congo=t61rcWkgMzE',
  };

  let world: World;
  let orderService: ScriptedServer;
  let caller: HttpCaller;
  beforeAll(async () => {
    world = await createWorld({
      wheel: [{ name: '100ms', unitMs: 100, digits: 9 }],
      targets: ['orders', 'relay'],
    });
    orderService = await scriptedServer();
    caller = createHttpCaller({ clock: Date.now });
    const connection = await world.connect();
    const channel = await connection.model.createChannel();
    await channel.assertQueue('events');
    await channel.bindQueue('events', exchange.name, 'order.*');
    await channel.assertQueue('relayed');
    const parts = { publisher: world.publisher, clock: Date.now, logger: world.log };
    const callback = { url: new URL(`http://${orderService.host}/`), caller };
    const orders = createOrdersHandler({ ...parts, callback });
    const relay = createRelayHandler({ ...parts, exchangeExists: createExchangeCheck(connection, CONTROL) });
    await world.consume('orders', guardHandler(TARGETS.orders, orders, 5_000));
    await world.consume('relay', guardHandler(TARGETS.relay, relay, 5_000));
  });
  afterAll(async () => {
    await world.close();
    await caller.close();
    await orderService.close();
  });

  const schedule = (to: TargetName, payload: object, more: { trace?: Trace } = {}) =>
    world.scheduler.schedule({ to, payload, dueAt: Date.now() + 100, ...more });

  test('the exchange of the events is as the document says', async () => {
    const { type, durable, auto_delete } = await world.look<Record<string, unknown>>(
      'exchanges',
      exchange.name,
    );
    expect({ type, durable, autoDelete: auto_delete }).toEqual({
      type: exchange.type,
      durable: exchange.durable,
      autoDelete: exchange.autoDelete,
    });
  });

  test.each([
    ['orderExpired', 'order.expired', 200, {}],
    ['orderExpired', 'order.expired', 204, { trace }],
    ['orderKept', 'order.kept', 409, {}],
    ['orderKept', 'order.kept', 410, { trace }],
  ])('%s: %s is as the document says, after a %d, with %j', async (name, type, code, more) => {
    orderService.answer(status(code));
    const { id } = await schedule('orders', { order_id: 'A-1', expire_minutes: 30 }, more);
    const [message] = await world.drainQueue('events', 1);
    const { fields, properties } = message as GetMessage;
    expect([fields.exchange, fields.routingKey, properties.messageId]).toEqual([exchange.name, type, id]);
    expect(Object.keys(properties.headers ?? {})).toEqual('trace' in more ? Object.keys(trace) : []);
    expect(faultsOfMessage(name, message as GetMessage, undefined)).toEqual([]);
  });

  test.each<[string, object, { trace?: Trace }]>([
    ['JSON', { content: { seats: [1, 2] }, headers: { tenant: 7, test: true, name: 'x' } }, { trace }],
    ['text', { content: 'hello' }, {}],
    ['another type', { content: '<a/>', content_type: 'application/xml' }, {}],
  ])('a relayed message is as the document says: %s', async (_, payload, more) => {
    const { id } = await schedule('relay', { exchange: '', routing_key: 'relayed', ...payload }, more);
    const [message] = await world.drainQueue('relayed', 1);
    expect(message?.properties.messageId).toBe(id);
    expect(faultsOfMessage('relayed', message as GetMessage, String(message?.content))).toEqual([]);
  });

  test('what is no such message would be told', async () => {
    await schedule('relay', { exchange: '', routing_key: 'relayed', content: { order_id: 7 } });
    const [message] = await world.drainQueue('relayed', 1);
    expect(faultsOfMessage('orderExpired', message as GetMessage, undefined)).toEqual(
      expect.arrayContaining([" must have required property 'type'", '/order_id must be string']),
    );
  });
});
