/** What processes use, as Linux counts it: looked at now and then while a scene is played. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '../broker/service';
import type { Stage } from './stage';
import type { Point } from './trend';

/** A process being watched. */
export interface Gauge {
  readonly name: string;
  /** None for the broker. */
  readonly service?: Service;
  /** Resident memory, in MB. */
  readonly memory: Point[];
  /** Open files and connections. */
  readonly handles: Point[];
}

/** Processes being watched. */
export interface Gauges {
  readonly all: readonly Gauge[];
  stop(): Promise<void>;
}

const EVERY_MS = 1_000;
const KB_PER_MB = 1_024;

/** Watches the processes that a stage has now, and its node. */
export function watchProcesses(stage: Stage): Gauges {
  const named = (role: string, services: readonly Service[]) =>
    services.map((service, i) => ({ name: `${role} ${i + 1}`, service, pid: service.process.pid ?? 0 }));
  const all = [
    ...named('API', stage.apis),
    ...named('consumer', stage.consumers),
    { name: 'broker', pid: stage.node().pid },
  ].map((process) => ({ ...process, memory: [] as Point[], handles: [] as Point[] }));
  const ending = new AbortController();
  const watch = async () => {
    while (!ending.signal.aborted) {
      for (const { pid, memory, handles } of all) {
        const at = Date.now();
        memory.push({ at, value: residentMb(pid) });
        handles.push({ at, value: readdirSync(`/proc/${pid}/fd`).length });
      }
      await sleep(EVERY_MS, undefined, { signal: ending.signal }).catch(() => {});
    }
  };
  const watching = watch();
  return {
    all,
    stop: () => {
      ending.abort();
      return watching;
    },
  };
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / KB_PER_MB;
}

/** The highest value. */
export const peakOf = (points: readonly Point[]): number =>
  points.reduce((peak, { value }) => Math.max(peak, value), 0);
