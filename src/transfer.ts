/**
 * Moves everything from one broker to another: `npm run transfer -- --from URL --to URL`. How to go about it stands in
 * docs/transfer.md.
 */
import { parseArgs } from 'node:util';
import { openConnection } from './amqp/connection';
import { openPublisher } from './amqp/publisher';
import { systemClock as clock } from './clock';
import { loadConfig, PROCESS_NAME } from './config';
import { messageOf } from './errors';
import { createLifecycle } from './lifecycle';
import { createLogger } from './logger';
import { showProgress } from './transfer/progress';
import { startTransfer, type Transfer } from './transfer/transfer';

const USAGE = `usage: node dist/transfer.js --from URL [--to URL] [--streams | --follow]
  --from URL   the broker to empty: amqp://user:password@host:5672/vhost
  --to URL     the broker to fill; default AMQP_URL
  --streams    copies the streams only, and ends
  --follow     goes on until SIGINT or SIGTERM, and moves what still comes`;

/** A longer wait than a request's: nobody is kept waiting by it. */
const CONFIRM_TIMEOUT_MS = 10_000;
const END_TIMEOUT_MS = 30_000;

interface Wanted {
  readonly from: string;
  readonly to: string | undefined;
  readonly streams: boolean;
  readonly follow: boolean;
}

async function main(): Promise<boolean> {
  const { from: fromUrl, to: toUrl, ...wanted } = wantedBy(process.argv.slice(2));
  const config = loadConfig({ ...process.env, ...(toUrl !== undefined && { AMQP_URL: toUrl }) });
  const logger = createLogger({
    level: config.LOG_LEVEL === 'debug' ? 'debug' : 'warn',
    format: config.LOG_FORMAT,
  });
  const lifecycle = createLifecycle(logger);
  const connect = async (url: string, what: string) => {
    const { tls, CONNECT_WAIT_MS: connectWaitMs } = config;
    const name = `transfer ${what}@${PROCESS_NAME}`;
    const connection = await openConnection({ url, tls, name, connectWaitMs, logger });
    lifecycle.onEnd(connection.close);
    return connection;
  };
  try {
    const from = await connect(fromUrl, 'from');
    const to = await connect(config.AMQP_URL, 'to');
    const publishing = await connect(config.AMQP_URL, 'publish');
    const publisher = await openPublisher({
      connection: publishing,
      confirmTimeoutMs: CONFIRM_TIMEOUT_MS,
      maxInFlight: 20_000,
      logger,
    });
    lifecycle.onEnd(publisher.close);
    const vhost = new URL(fromUrl).pathname;
    const transfer = await startTransfer({ from, to, publisher, vhost, clock, logger });
    return await carryOut(transfer, wanted, from.host).finally(transfer.close);
  } finally {
    await lifecycle.end(END_TIMEOUT_MS);
  }
}

/** False when there is something left to be done. */
async function carryOut(
  transfer: Transfer,
  { streams, follow }: Pick<Wanted, 'streams' | 'follow'>,
  host: string,
): Promise<boolean> {
  const progress = showProgress(process.stdout, transfer.tally);
  const stopped = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('stopped'));
  });
  const orStopped = (step: Promise<void>) => Promise.race([step, stopped]);
  const moveAll = async () => {
    await transfer.messagesMoved();
    await transfer.streamsCopied(); // what was written while messages were moved
  };
  let ended = await orStopped(transfer.streamsCopied());
  if (!streams && ended !== 'stopped') {
    progress.say('the streams are copied, the messages follow');
    ended = await orStopped(moveAll());
    if (follow && ended !== 'stopped') {
      progress.say('all is moved; what still comes is moved until this is ended');
      await stopped;
      await moveAll();
    }
  }
  await progress.stop();
  for (const { queue, id, reason } of transfer.left())
    progress.say(`left in ${queue}: the message ${id ?? 'without an id'}, as ${reason}`);
  if (ended === 'stopped') progress.say('ended before all was done; run this again, it goes on from here');
  if (ended === 'stopped' || transfer.left().length > 0) return false;
  return streams || (await isOver(transfer, host, progress.say));
}

async function isOver(transfer: Transfer, host: string, say: (text: string) => void): Promise<boolean> {
  const processes = await transfer.processesLeft();
  if (processes === 0) say(`RabbitMQ at ${host} has nothing left, and no process of the service uses it`);
  else
    say(
      `RabbitMQ at ${host} has nothing left for now, but ${processes} processes of the service use it: end them, and run this again`,
    );
  return processes === 0;
}

function wantedBy(args: string[]): Wanted {
  try {
    const { values } = parseArgs({
      args,
      options: {
        from: { type: 'string' },
        to: { type: 'string' },
        streams: { type: 'boolean', default: false },
        follow: { type: 'boolean', default: false },
      },
    });
    const { from, to, streams, follow } = values;
    if (from === undefined) throw new Error('--from is missing: the broker to empty.');
    if (streams && follow) throw new Error('--streams ends by itself; it does not go with --follow.');
    if (!URL.canParse(from) || !/^amqps?:$/.test(new URL(from).protocol))
      throw new Error('--from must be a URL such as amqp://user:password@host:5672/vhost (or amqps://).');
    return { from, to, streams, follow };
  } catch (cause) {
    throw new Error(`${messageOf(cause)}\n${USAGE}`, { cause });
  }
}

if (require.main === module) {
  main().then(
    (over) => process.exit(over ? 0 : 1),
    (error) => {
      process.stderr.write(`transfer: ${messageOf(error)}\n`);
      process.exit(1);
    },
  );
}
