/**
 * What the control stream has, besides the marks of those that follow it: verdicts and schedules. How its entries are
 * written down is a contract with those that are in the stream already.
 */
import { parseJson } from '../json';
import { isScheduleEntry, type ScheduleEntry } from '../schedules/entry';
import { isVerdictEntry, type VerdictEntry } from '../verdicts/entry';

/** An entry of the control stream. */
export type ControlEntry = VerdictEntry | ScheduleEntry;

/** The stream, for those who keep something in it. */
export interface ControlStream {
  /**
   * Writes an entry; resolves once RabbitMQ has confirmed it.
   *
   * @param id the entry's message id, for people who look into the stream; default a random one
   * @throws what Publisher.publish throws
   */
  write(entry: ControlEntry, id?: string): Promise<void>;
  /** See StreamFollower. */
  knownSince(ageMs: number, signal?: AbortSignal): Promise<void>;
  /** Whether the reading goes on, after all that was there has been read. */
  caughtUp(): boolean;
}

/** Writes an entry down. */
export function encodeControl(entry: ControlEntry): Buffer {
  return Buffer.from(JSON.stringify(entry));
}

/** Reads an entry; undefined for what is none that this version knows: it is passed over. */
export function decodeControl(content: Buffer): ControlEntry | undefined {
  try {
    const entry = parseJson(content);
    return isVerdictEntry(entry) || isScheduleEntry(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}
