/** Publishing to whoever is to know of a message, with the trace that it belongs to. */
import type { Publication, Publisher } from '../../amqp/publisher';
import { type Trace, withTrace } from '../../trace-context';
import type { Tracing } from '../../tracing';

/**
 * Publishes; the trace goes along as headers, unless those name one.
 *
 * @throws what Publisher.publish throws
 */
export function publishTraced(
  { publisher, tracing }: { readonly publisher: Publisher; readonly tracing: Tracing },
  publication: Publication,
  trace: Trace | undefined,
): Promise<void> {
  const { exchange, routingKey, properties } = publication;
  const attributes = {
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'send',
    'messaging.destination.name': exchange,
    'messaging.rabbitmq.destination.routing_key': routingKey,
    'messaging.message.id': properties.messageId,
  };
  return tracing.call({ name: 'publish', kind: 'producer', attributes, trace }, (own) => {
    if (!own) return publisher.publish(publication);
    const headers = withTrace(properties.headers ?? {}, own);
    return publisher.publish({ ...publication, properties: { ...properties, headers } });
  });
}
