/** The commands that make the three users, for a person to run on the broker's host. */
import { randomBytes } from 'node:crypto';
import { DEFAULT_EXCHANGE } from './amqp/access';
import {
  accessPermissions,
  apiAccess,
  bootstrapPermissions,
  consumersAccess,
  type Permissions,
} from './permissions';
import { delayTopology } from './topology';

/** Options of userCommands. */
export interface UserCommandsOptions {
  /** Its host and vhost are those of the users. */
  readonly amqpUrl: string;
  readonly ledger: boolean;
  /** Exchanges that the target `relay` may publish to; the default exchange is the empty text. */
  readonly relayExchanges: readonly string[];
  /** Default a new one each time: 144 random bits. */
  readonly makePassword?: () => string;
}

interface User {
  readonly name: string;
  /** What runs with it. */
  readonly runs: string;
  readonly permissions: Permissions;
}

const HEAD = [
  '# Three users for RabbitMQ, each with the permissions that it needs. Run this where rabbitmqctl reaches the broker.',
  '# The passwords are made anew each time and are kept nowhere else. Where a user exists already, add_user says so and its',
  '# password stays; set_permissions replaces what it was allowed before.',
];

/** A shell script that makes the users, each with the AMQP_URL to use. */
export function userCommands(options: UserCommandsOptions): string {
  const { amqpUrl, makePassword = () => randomBytes(18).toString('hex') } = options;
  const vhost = decodeURIComponent(new URL(amqpUrl).pathname.slice(1)) || '/';
  const lines = usersOf(options).flatMap(({ name, runs, permissions: { configure, write, read } }) => {
    const password = makePassword();
    return [
      '',
      `# ${runs}`,
      `# AMQP_URL=${urlFor(amqpUrl, name, password)}`,
      `echo ${quoted(password)} | rabbitmqctl add_user ${name}`,
      ['rabbitmqctl set_permissions -p', ...[vhost, name, configure, write, read].map(quoted)].join(' '),
    ];
  });
  return `${[...HEAD, ...lines].join('\n')}\n`;
}

function usersOf({ ledger, relayExchanges }: UserCommandsOptions): User[] {
  const consumers = consumersAccess({ ledger });
  const relayed = relayExchanges.map((exchange) => exchange || DEFAULT_EXCHANGE);
  return [
    {
      name: 'delay-bootstrap',
      runs: 'node dist/topology.js',
      permissions: bootstrapPermissions(delayTopology({ ledger })),
    },
    {
      name: 'delay-api',
      runs: 'node dist/main.js api',
      permissions: accessPermissions(apiAccess({ ledger })),
    },
    {
      name: 'delay-consumers',
      runs: 'node dist/main.js consumers',
      permissions: accessPermissions({ ...consumers, write: [...consumers.write, ...relayed] }),
    },
  ];
}

function urlFor(amqpUrl: string, user: string, password: string): string {
  const url = new URL(amqpUrl);
  url.username = user;
  url.password = password;
  return url.href;
}

/** Text as a shell takes it literally. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
