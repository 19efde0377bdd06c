/** What a benchmark works with: servers that are started when they are first asked for, programs, and a place for data. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endings } from './endings';
import { createPrograms, type Programs } from './program';
import type { Machine } from './report/machine';
import { describeMachine } from './report/machine';
import { type Broker, createWorld, startBroker, type VirtualHost } from './servers/broker';
import { startCluster } from './servers/cluster';
import { type Fsync, type Redis, startRedis } from './servers/redis';

/** A benchmark's surroundings. */
export interface Lab extends Programs {
  /** For data; goes with the lab. */
  readonly folder: string;
  /** One node, the same each time. */
  broker(): Promise<Broker>;
  /** One node, another one each time; to be ended by whoever asked for it. */
  freshBroker(): Promise<Broker>;
  /** Three nodes, the same each time. */
  cluster(): Promise<Broker>;
  /** A Redis that syncs so, the same each time, and empty. */
  redis(fsync: Fsync): Promise<Redis>;
  /** A virtual host with the product's topology, on the one node unless another one is named. */
  world(broker?: Broker): Promise<VirtualHost>;
  /** What everything ran on. */
  machine(): Machine;
  readonly endings: Endings;
  /** Tells the person at the terminal. */
  say(line: string): void;
}

/**
 * A lab in which nothing runs yet. Its servers keep their data in a folder under TMPDIR: which disk that is on decides much.
 *
 * @param versions of what takes part beside the servers
 */
export function createLab(
  endings: Endings,
  versions: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Lab {
  const folder = mkdtempSync(join(tmpdir(), 'delay-broker-bench-'));
  endings.add(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const seen: Record<string, string> = { ...versions };
  let nodes = 0;
  const freshBroker = async () => {
    say('starting RabbitMQ');
    const started = await startBroker(join(folder, `rabbitmq-${++nodes}`), endings);
    seen.RabbitMQ = started.version;
    return started;
  };
  const broker = once(freshBroker);
  const cluster = once(async () => {
    say('starting a cluster of three RabbitMQ nodes');
    const started = await startCluster(folder, endings);
    seen.RabbitMQ = started.version;
    return started;
  });
  const redisBy = { everysec: once(() => start('everysec')), always: once(() => start('always')) };
  const start = async (fsync: Fsync) => {
    say(`starting Redis (appendfsync ${fsync})`);
    const started = await startRedis(folder, fsync, endings);
    seen.Redis = started.version;
    return started;
  };
  return {
    ...createPrograms(endings),
    ...{ folder, endings, broker, freshBroker, cluster, say },
    async redis(fsync) {
      const redis = await redisBy[fsync]();
      await flush(redis);
      return redis;
    },
    world: async (on) => createWorld(on ?? (await broker())),
    machine: () => describeMachine(folder, seen),
  };
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Takes everything out of a Redis. */
function flush({ port }: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('FLUSHALL\r\n'));
    socket.once('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      if (answer.toString().startsWith('+OK')) resolve();
      else reject(new Error(`Redis was not emptied: ${answer}`));
    });
  });
}
