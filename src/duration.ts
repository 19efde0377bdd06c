/** Durations as people write them: `30m`, `1h30m`, `500ms`, or ISO 8601 such as `PT30M`. */

const UNIT_MS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

const SHORT =
  /^(?:(?<w>\d+)w)?(?:(?<d>\d+)d)?(?:(?<h>\d+)h)?(?:(?<m>\d+)m(?!s))?(?:(?<s>\d+)s)?(?:(?<ms>\d+)ms)?$/;

/** Years and months are left out: their length depends on where one starts. */
const ISO =
  /^P(?!$)(?:(?<w>\d+)W)?(?:(?<d>\d+)D)?(?:T(?!$)(?:(?<h>\d+)H)?(?:(?<m>\d+)M)?(?:(?<s>\d+(?:[.,]\d{1,3})?)S)?)?$/;

/** The length of a duration in milliseconds; undefined for what is none. */
export function durationMs(text: string): number | undefined {
  const groups = (SHORT.exec(text) ?? ISO.exec(text))?.groups;
  if (!groups || text === '') return undefined;
  return Object.entries(UNIT_MS).reduce(
    (sum, [unit, unitMs]) => sum + Math.round(Number((groups[unit] ?? '0').replace(',', '.')) * unitMs),
    0,
  );
}
