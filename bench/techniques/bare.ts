/**
 * The floor under the product: the same wheel on the same broker, with the least code that amqplib lets one write. It puts a message
 * in with a confirm, and holds it in memory until it is due. No retries, no verdicts, no ledger, no checks, no reconnecting.
 */
import { connect } from 'amqplib';
import { ENTRY_EXCHANGE } from '../../src/topology';
import { routingKey, WHEEL } from '../../src/wheel';
import { type Endpoint, type Handle, putEach, type SenderSide, type Technique } from './technique';

type Bare = Extract<Endpoint, { kind: 'bare' }>;

const TARGET = 'webhooks';
/** As many as the product takes by default. */
const PREFETCH = 300;

/** amqplib as a technique. */
export const bare: Technique<Bare> = {
  async openSender({ amqpUrl }) {
    const connection = await connect(amqpUrl, { noDelay: true });
    const channel = await connection.createConfirmChannel();
    const put: SenderSide['put'] = ({ payload, dueAt }) =>
      new Promise((resolve, reject) => {
        const key = routingKey(WHEEL, dueAt - Date.now(), TARGET);
        const options = { persistent: true, headers: { 'due-at': dueAt } };
        channel.publish(ENTRY_EXCHANGE, key, Buffer.from(JSON.stringify(payload)), options, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    return {
      put,
      putMany: (messages) => putEach(put, messages),
      close: () => connection.close(),
    };
  },

  async openConsumer({ amqpUrl }, _settings, handle) {
    const connection = await connect(amqpUrl, { noDelay: true });
    const channel = await connection.createChannel();
    await channel.prefetch(PREFETCH);
    await channel.consume(TARGET, (message) => {
      if (!message) return;
      const dueAt = Number(message.properties.headers?.['due-at']);
      const payload = JSON.parse(String(message.content));
      whenDue(dueAt, () => handle({ payload, dueAt }).then(() => channel.ack(message)));
    });
    return { close: () => connection.close() };
  },
};

/** A timer may fire a millisecond early. */
function whenDue(dueAt: number, handle: () => ReturnType<Handle>): void {
  const waitMs = dueAt - Date.now();
  if (waitMs <= 0) void handle();
  else setTimeout(() => whenDue(dueAt, handle), waitMs);
}
