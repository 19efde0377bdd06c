/** Signs webhooks after Standard Webhooks (https://www.standardwebhooks.com), with HMAC-SHA256. */
import { createHmac } from 'node:crypto';
import { headerId } from './calls/header-id';

/** What is signed. */
export interface Signable {
  /** The message's id: the same for every attempt. */
  readonly id: string;
  /** When this attempt is made, in milliseconds since the epoch. */
  readonly at: number;
  /** Exactly as it is sent. */
  readonly body: string;
}

const PREFIX = 'whsec_';

/** What the specification allows, in bytes. */
const SECRET_BYTES = { least: 24, most: 64 };

/**
 * The headers that go with a webhook: id and time of the attempt, and a signature for each secret. Whoever
 * receives it checks with the one it has, so that secrets can be rotated.
 *
 * @param secrets none leaves the webhook unsigned
 */
export function webhookHeaders(
  { id, at, body }: Signable,
  secrets: readonly Buffer[],
): Record<string, string> {
  // Parts are separated by full stops: one in the id would let one signature stand for two webhooks.
  const webhookId = headerId(id).replaceAll('.', '%2E');
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets.map((secret) => {
    const hash = createHmac('sha256', secret).update(`${webhookId}.${timestamp}.${body}`);
    return `v1,${hash.digest('base64')}`;
  });
  return {
    'webhook-id': webhookId,
    'webhook-timestamp': timestamp,
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}

/**
 * Reads secrets separated by commas, each `whsec_` and the base64 of 24 to 64 bytes.
 *
 * @throws RangeError naming the place of the first that is not; never the secret
 */
export function parseWebhookSecrets(text: string): readonly Buffer[] {
  return text.split(',').map((entry, index) => {
    const [, base64 = ''] = entry.trim().split(PREFIX);
    const secret = Buffer.from(base64, 'base64');
    const { least, most } = SECRET_BYTES;
    // Node skips what is no base64; encoded again, it shows.
    if (
      entry.trim() !== `${PREFIX}${secret.toString('base64')}` ||
      secret.length < least ||
      secret.length > most
    )
      throw new RangeError(
        `secret ${index + 1} is not ${PREFIX} and the base64 of ${least} to ${most} bytes`,
      );
    return secret;
  });
}
