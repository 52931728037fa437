/** Arithmetic and formatting of the tables: sums over cells, shares, percentiles. */
import { quantile } from '../goals/goal.ts';

export const sumBy = <T>(list: readonly T[], value: (one: T) => number): number =>
  list.reduce((total, one) => total + value(one), 0);

export const mean = (list: readonly number[]): number => sumBy(list, (one) => one) / list.length;

/** Median, 99th and 99.9th percentile, each a value of the list. */
export function percentiles(values: readonly number[]): readonly [number, number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  return [quantile(sorted, 0.5), quantile(sorted, 0.99), quantile(sorted, 0.999)];
}

/** `part` as a percentage of `whole`; a dash if there is none. */
export function formatPercent(part: number, whole: number): string {
  if (whole === 0 || Number.isNaN(part / whole)) return '–';
  const value = (100 * part) / whole;
  if (value === 0) return '0 %';
  return `${value < 0.01 ? '< 0.01' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} %`;
}

/** How many times fewer `few` is than `many`; if `few` is 0, only `many` can be given. */
export function formatTimesFewer(many: number, few: number): string {
  if (many === 0) return '–';
  if (few === 0) return `none of ${formatCount(many)}`;
  return `${(many / few).toFixed(many / few < 10 ? 1 : 0)} times fewer`;
}

export const formatSeconds = (millis: number): string =>
  Number.isFinite(millis) ? (millis / 1000).toFixed(2) : '–';

export const formatCount = (value: number): string => value.toLocaleString('en');

/** A bar of at most `width` on a logarithmic scale. */
export function formatBar(value: number, most: number, width: number): string {
  if (value <= 0 || most <= 0) return '';
  return '█'.repeat(Math.max(1, Math.round((width * Math.log10(1 + value)) / Math.log10(1 + most))));
}

/** A Markdown table with a head. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
