import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The TCP ports of one private node, all on 127.0.0.1. */
export interface NodePorts {
  /** AMQP 0-9-1. */
  amqp: number;
  /** Management API and UI: AMQP port + 10000. */
  management: number;
  /** Prometheus metrics: AMQP port + 20000. */
  prometheus: number;
  /** Erlang distribution: AMQP port + 22000, which is below Linux's ephemeral ports for the usual 567x. */
  distribution: number;
  /** The node's own epmd, Erlang's port mapper: AMQP port + 24000, for the same reason. */
  epmd: number;
}

/** What a private node reads and writes, all of it in its data folder. */
export interface NodeFiles {
  /** The node's log. */
  log: string;
  /** What the node printed before it had a log, and when it crashed. */
  output: string;
  /** Holds the process id of the Erlang VM once it runs. */
  pid: string;
  /** Environment of `rabbitmq-server`. */
  env: NodeJS.ProcessEnv;
}

/** The ports that follow from an AMQP port; throws when one of them would be above 65535 or below 1024. */
export function nodePorts(port: number): NodePorts {
  if (!Number.isInteger(port) || port < 1024 || port > 41535) {
    throw new Error(`the broker's port must be a whole number from 1024 to 41535, not ${port}`);
  }
  return {
    amqp: port,
    management: port + 10_000,
    prometheus: port + 20_000,
    distribution: port + 22_000,
    epmd: port + 24_000,
  };
}

/** The Erlang node name of the private node on this AMQP port. */
export function nodeName(port: number): string {
  return `delay-broker-${port}@localhost`;
}

/**
 * Writes a node's configuration into its data folder and returns where everything is.
 * All of it is copied there because the executable may be in a container that sees nothing else.
 *
 * @param dataDir absolute path, created when missing
 * @param configFile a rabbitmq.conf to start from
 * @param additionalConfig further rabbitmq.conf lines, which win
 */
export function writeNodeFiles(
  dataDir: string,
  ports: NodePorts,
  configFile: string,
  additionalConfig: string,
): NodeFiles {
  const at = (name: string) => join(dataDir, name);
  mkdirSync(at('log'), { recursive: true });
  const config = [
    readFileSync(configFile, 'utf8'),
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${ports.management}`,
    'prometheus.tcp.ip = 127.0.0.1',
    `prometheus.tcp.port = ${ports.prometheus}`,
    additionalConfig,
  ];
  writeFileSync(at('rabbitmq.conf'), `${config.join('\n')}\n`);
  writeFileSync(at('advanced.config'), '[].\n');
  writeFileSync(at('enabled_plugins'), '[rabbitmq_management,rabbitmq_prometheus].\n');
  writeFileSync(at('rabbitmq-env.conf'), '');
  if (!existsSync(at('.erlang.cookie'))) {
    writeFileSync(at('.erlang.cookie'), randomBytes(24).toString('hex'), { mode: 0o400 });
  }
  const log = at('log/rabbitmq.log');
  const pid = at('node.pid');
  return { log, pid, output: at('log/output.log'), env: nodeEnv(at, ports, log, pid) };
}

function nodeEnv(at: (name: string) => string, ports: NodePorts, log: string, pid: string) {
  // Settings meant for another node, or for the system's, must not reach this one.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RABBITMQ|ERL|MNESIA)_/.test(name));
  return {
    ...Object.fromEntries(inherited),
    HOME: at(''),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_CRASH_DUMP: at('log/erl_crash.dump'),
    // Here rather than in the server's arguments: it must hold for the helper VM that starts epmd as well.
    ERL_ZFLAGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    // Makes the script turn into the Erlang VM instead of waiting for it, so that there is one process to watch.
    RUNNING_UNDER_SYSTEMD: 'true',
    RABBITMQ_NODENAME: nodeName(ports.amqp),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    RABBITMQ_MNESIA_BASE: at('data'),
    RABBITMQ_LOG_BASE: at('log'),
    RABBITMQ_LOGS: log,
    RABBITMQ_PID_FILE: pid,
    RABBITMQ_CONF_ENV_FILE: at('rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: at('advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      // More messages on their way between queues, and a quick retry after a kill instead of three minutes.
      '-rabbit dead_letter_worker_consumer_prefetch 1000',
      '-rabbit dead_letter_worker_publisher_confirm_timeout 5000',
      // Idle schedulers sleep instead of spinning, which matters on a small shared machine.
      '+sbwt none +sbwtdcpu none +sbwtdio none',
    ].join(' '),
  };
}
