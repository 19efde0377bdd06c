/** Times, durations and numbers as a report shows them to people. */
import { dayEndedBy, type Period } from '../time-zone';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** A number such as `12,345`. */
export const numberText = (value: number): string => value.toLocaleString('en');

/** A duration such as `12 ms`, `1.5 s`, `3 min` or `2 h 05 min`. */
export function durationText(durationMs: number): string {
  if (durationMs < SECOND_MS) return `${durationMs} ms`;
  if (durationMs < MINUTE_MS) return `${(Math.floor(durationMs / 100) / 10).toFixed(1)} s`;
  const minutes = Math.floor(durationMs / MINUTE_MS);
  if (durationMs < HOUR_MS) return `${minutes} min`;
  return `${numberText(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** A time of day such as `08:00`. */
export function hourText(at: number, zone: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'short' }).format(at);
}

/** A time such as `24 Nov 2026, 08:00`. */
export function timeText(at: number, zone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    dateStyle: 'medium',
    timeStyle: 'short',
  }).format(at);
}

/** A day such as `Tuesday, 24 November 2026` where the period is one, else from when to when. */
export function periodText({ from, to }: Period, zone: string): string {
  const day = dayEndedBy(to, zone);
  if (day.from !== from || day.to !== to) return `${timeText(from, zone)} to ${timeText(to, zone)}`;
  const format = (part: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...part }).format(from);
  return `${format({ weekday: 'long' })}, ${format({ dateStyle: 'long' })}`;
}
