/**
 * One connection to RabbitMQ that comes back by itself (amqplib's own recovery), under a name by which
 * a person recognises it in the management UI.
 */
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type RecoveringChannelModel } from 'amqplib';
import { BrokerUnavailableError, messageOf } from '../errors';
import type { Logger } from '../logger';
import { type TlsMaterial, whyNoTls } from './tls';

/** Options of openConnection. */
export interface ConnectionOptions {
  /** `amqp://` or `amqps://` URL, with user, password and vhost. */
  readonly url: string;
  /** For an `amqps://` URL; default whom Node trusts, and no client certificate. */
  readonly tls?: TlsMaterial | undefined;
  /** Shown in the management UI and in the log. */
  readonly name: string;
  /** How long the first connection is tried for, in milliseconds; 0 tries once. */
  readonly connectWaitMs: number;
  /** Told each state, also one that it has been told before; `down` until the first. */
  readonly onStateChange?: (state: ConnectionState) => void;
  /** Where trouble is reported. */
  readonly logger: Logger;
}

/** A connection that is up, blocked or on its way back. */
export interface BrokerConnection {
  /** amqplib's model; createChannel on it waits until the connection is there. */
  readonly model: RecoveringChannelModel;
  /** Host and port, without user and password. */
  readonly host: string;
  /** The user's name. */
  readonly user: string;
  /** The broker's version, such as `3.10.8`. */
  version(): string;
  /** What the broker calls itself, such as `rabbit@host`: the same on all nodes of a cluster. */
  cluster(): string;
  /** `down` between a loss and the recovery; `blocked` while the broker, short of memory or disk, takes no publishes. */
  state(): ConnectionState;
  /**
   * Breaks the connection, for something on it that hangs. The next one may lead to another node, where several share an address. What is in
   * hand is delivered again and counts as returned, so it is done once in five minutes at most; false when it is not done now.
   */
  giveUp(why: string): boolean;
  /** Where trouble on it is reported. */
  readonly logger: Logger;
  /** Ends the connection for good. */
  close(): Promise<void>;
}

/** See BrokerConnection.state. */
export type ConnectionState = 'up' | 'down' | 'blocked';

/** A half-open connection is noticed after two of these; RabbitMQ's default of 60 s would make that two minutes. */
const HEARTBEAT_S = 5;
const CONNECT_TIMEOUT_MS = 5_000;
/** How long RabbitMQ may take to say goodbye, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000;
const RETRY_DELAY_MS = 200;
const LONGEST_RETRY_DELAY_MS = 5_000;
/** After a connection was given up, in milliseconds: the delivery limit of 20 is more than an hour and a half away then. */
const GIVE_UP_PAUSE_MS = 300_000;

/**
 * Connects, and stays connected until closed.
 *
 * @throws BrokerUnavailableError when the first connection does not come about within `connectWaitMs`
 */
export async function openConnection(options: ConnectionOptions): Promise<BrokerConnection> {
  const { url, tls, name, connectWaitMs, onStateChange, logger } = options;
  const host = brokerHost(url);
  const giveUpAt = performance.now() + connectWaitMs;
  let state: ConnectionState = 'down';
  let connectedOnce = false;
  let version = 'unknown';
  let cluster = '';
  let lastError: unknown;
  let socket: Duplex | undefined;
  let gaveUpAt = Number.NEGATIVE_INFINITY;

  const model = await connect(withHeartbeat(url), {
    ...tls,
    // Said here, so that no variable of Node's can switch it off.
    rejectUnauthorized: true,
    noDelay: true,
    timeout: CONNECT_TIMEOUT_MS,
    clientProperties: { connection_name: name, product: 'delay-broker' },
    recovery: {
      waitForConnect: false,
      calculateDelay: (attempt) => {
        if (!connectedOnce && performance.now() >= giveUpAt) throw new Error('out of time');
        return Math.min(
          RETRY_DELAY_MS * 2 ** (attempt - 1) * (0.8 + 0.4 * Math.random()),
          LONGEST_RETRY_DELAY_MS,
        );
      },
    },
  });
  const become = (next: ConnectionState, level: 'info' | 'warn', event: string, why?: unknown) => {
    state = next;
    onStateChange?.(next);
    logger[level](event, { connection: name, host, ...(why !== undefined && { error: messageOf(why) }) });
  };
  model.on('connect', ({ connection }) => {
    connectedOnce = true;
    // Not in amqplib's types. Its own close would wait for an answer once more.
    socket = (connection as typeof connection & { readonly stream?: Duplex }).stream;
    version = connection.serverProperties.version;
    cluster = String(connection.serverProperties.cluster_name ?? '');
    become('up', 'info', 'connected');
  });
  model.on('disconnect', (error) => become('down', 'warn', 'disconnected', error));
  model.on('blocked', (reason) => become('blocked', 'warn', 'blocked by the broker', reason));
  model.on('unblocked', () => become('up', 'info', 'no longer blocked'));
  model.on('connect-failed', (error) => {
    lastError = error;
    if (performance.now() < giveUpAt || connectedOnce) become('down', 'warn', 'not connected yet', error);
  });
  // amqplib follows each `error` by a disconnect, which reports it; without a listener it would end the process.
  model.on('error', () => {});

  try {
    await model.waitForConnect();
  } catch {
    throw new BrokerUnavailableError(whyNotConnected(url, lastError), { cause: lastError });
  }
  const user = userOf(url);
  return {
    ...{ model, host, user, logger },
    version: () => version,
    cluster: () => cluster,
    state: () => state,
    giveUp(why) {
      if (state === 'down' || performance.now() - gaveUpAt < GIVE_UP_PAUSE_MS) return false;
      gaveUpAt = performance.now();
      logger.warn('connection given up', { connection: name, host, error: why });
      socket?.destroy(new Error(why));
      return true;
    },
    async close() {
      const closed = model.close().then(() => true);
      // What is still to be sent is, unless RabbitMQ hangs.
      if (!(await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, false, { ref: false })]))) socket?.destroy();
    },
  };
}

/** Host and port of an AMQP URL, for messages and logs. */
export function brokerHost(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === 'amqps:' ? 5671 : 5672)}`;
}

function userOf(url: string): string {
  return decodeURIComponent(new URL(url).username) || 'guest';
}

function withHeartbeat(url: string): string {
  const withQuery = new URL(url);
  if (!withQuery.searchParams.has('heartbeat')) withQuery.searchParams.set('heartbeat', String(HEARTBEAT_S));
  return withQuery.href;
}

function whyNotConnected(url: string, error: unknown): string {
  const host = brokerHost(url);
  const noTls = whyNoTls(error);
  if (noTls) return `Cannot reach RabbitMQ at ${host} by TLS: ${noTls}.`;
  const reason = messageOf(error);
  if (/ACCESS.REFUSED/i.test(reason)) {
    return `RabbitMQ at ${host} refuses the user "${userOf(url)}". Check user and password in AMQP_URL.`;
  }
  // Older brokers give their reason for refusing the vhost in a way that amqplib does not pass on.
  if (/NOT.ALLOWED|vhost|ConnectionOpenOk/i.test(reason)) {
    return `RabbitMQ at ${host} does not let this user into the vhost of AMQP_URL: ${reason}. Check that the vhost exists (rabbitmqctl list_vhosts) and the user's permissions.`;
  }
  return `Cannot reach RabbitMQ at ${host}: ${reason}. Check that it runs (rabbitmq-diagnostics ping) and that AMQP_URL is right.`;
}
