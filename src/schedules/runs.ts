/** The runs of schedules, as messages. */

import { isoTime } from '../clock';

/** The id of a schedule's run at a time: the same however often it is published. */
export function runId(name: string, at: number): string {
  return `schedule:${name}:${isoTime(at)}`;
}

/** What all runs of a schedule are labelled with, to list by. */
export function runKey(name: string): string {
  return `schedule:${name}`;
}
