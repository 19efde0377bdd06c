/** Times for people, as their own clocks show them. */
import type { LocalTime } from '../date-time';

/** Such as `Wednesday, 25 November 2026, 15:00 (UTC+01:00)`; seconds are left out. */
export function readableTime({ time, offsetMinutes }: LocalTime): string {
  const shown = new Date(time + offsetMinutes * 60_000);
  // One name at a time: how Intl puts a whole date together differs between versions of Node.
  const name = (part: Intl.DateTimeFormatOptions) =>
    shown.toLocaleDateString('en-GB', { ...part, timeZone: 'UTC' });
  const date = `${shown.getUTCDate()} ${name({ month: 'long' })} ${shown.getUTCFullYear()}`;
  const clock = `${twoDigits(shown.getUTCHours())}:${twoDigits(shown.getUTCMinutes())}`;
  return `${name({ weekday: 'long' })}, ${date}, ${clock} (${zoneName(offsetMinutes)})`;
}

function zoneName(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'UTC';
  const ahead = Math.abs(offsetMinutes);
  const clock = `${twoDigits(Math.floor(ahead / 60))}:${twoDigits(ahead % 60)}`;
  return `UTC${offsetMinutes < 0 ? '-' : '+'}${clock}`;
}

const twoDigits = (number: number) => String(number).padStart(2, '0');
