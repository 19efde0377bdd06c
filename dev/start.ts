import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type ChildRunner, createChildRunner } from './child-runner';
import { type PrivateBroker, startPrivateBroker } from './private-broker';

// What `npm start` runs, from dist/dev: a broker unless AMQP_URL names one, the queues, then the service.
const root = join(__dirname, '..', '..');

async function start(): Promise<number> {
  const envFile = join(root, '.env');
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  const runner = createChildRunner(root);
  let broker: PrivateBroker | undefined;
  try {
    if (!process.env.AMQP_URL) broker = await startBroker(runner);
    const env = {
      LOG_FORMAT: 'pretty',
      CONNECT_WAIT_MS: '0',
      ...process.env,
      ...(broker ? { AMQP_URL: broker.amqpUrl } : {}),
    };
    const topologyCode = await runner.run(['dist/topology.js'], env);
    if (topologyCode !== 0) return topologyCode;
    const args = process.argv.slice(2);
    return await runner.run(['dist/main.js', ...(args.length > 0 ? args : ['all'])], env);
  } finally {
    runner.beginStop();
    // With 3.10 it takes six seconds, too long to be silent.
    if (broker) console.log('broker: stopping');
    await broker?.stop();
  }
}

async function startBroker(runner: ChildRunner): Promise<PrivateBroker> {
  const dataDir = resolve(root, process.env.BROKER_DATA_DIR || '.broker');
  const broker = await startPrivateBroker({
    dataDir,
    port: portSetting(process.env.BROKER_PORT || '5673'),
    executable: process.env.RABBITMQ_SERVER,
    configFile: join(root, 'rabbitmq.conf'),
    log: (line) => console.log(line),
  });
  console.log(
    `broker: RabbitMQ ${broker.version} on 127.0.0.1:${broker.port}, management UI at ` +
      `${broker.managementUrl} (guest / guest), data in ${relative(process.cwd(), dataDir) || '.'}`,
  );
  broker.exited.then(() => {
    if (runner.stopping()) return;
    console.error(
      `broker: RabbitMQ has ended by itself, its log is ${broker.logFile}; stop and start again to get it back`,
    );
  });
  return broker;
}

function portSetting(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 1024 && port <= 41535) return port;
  throw new Error(`BROKER_PORT must be a whole number from 1024 to 41535, not "${text}"`);
}

start().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
