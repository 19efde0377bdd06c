/** On what something was measured: without it a figure says nothing. */
import { statfsSync } from 'node:fs';
import { cpus, release, type as systemName, totalmem } from 'node:os';

/** A machine and the versions on it. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  /** The kind of file system that the servers' data is on. */
  readonly disk: string;
  /** By name, such as `RabbitMQ`; only of what took part. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What statfs calls the kinds that are met most (statfs(2)). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlay',
  801189825: 'zfs',
};

/**
 * This machine.
 *
 * @param dataFolder where the servers keep their data
 * @param versions beside Node's
 */
export function describeMachine(dataFolder: string, versions: Readonly<Record<string, string>>): Machine {
  const { model = 'unknown' } = cpus()[0] ?? {};
  const { type } = statfsSync(dataFolder);
  return {
    cpu: model.trim(),
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()} ${release()}`,
    disk: FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`,
    versions: { Node: process.versions.node, ...versions },
  };
}

/** In one line, for people. */
export function machineLine({ cpu, cores, memoryGb, system, disk, versions }: Machine): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, data on ${disk}; ${named.join(', ')}`;
}
