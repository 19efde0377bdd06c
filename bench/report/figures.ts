/** How figures are written: three digits that count, thousands apart. */
export function figure(value: number, unit = ''): string {
  if (!Number.isFinite(value)) return 'not measured';
  const rounded = Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(3));
  return `${rounded.toLocaleString('en', { maximumFractionDigits: 6 })}${unit === '' ? '' : ` ${unit}`}`;
}
