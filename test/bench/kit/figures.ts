/** Statistics of several runs, and tables of them. */
import { loadavg } from 'node:os';

/** The value that a share `p` of the runs does not exceed (nearest rank). */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[half] as number;
  return ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2;
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const fixed = (value: number | undefined, digits = 0): string =>
  value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits);

/** The first row is the head; all columns but the first are numbers, aligned to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]): string =>
    widths
      .map((width, i) => pad(row[i] ?? '', width, i > 0))
      .join('  ')
      .trimEnd();
  const [head, ...rest] = rows.map(line);
  return [head, widths.map((width) => '-'.repeat(width)).join('  '), ...rest].join('\n');
}

const pad = (text: string, width: number, right: boolean): string =>
  right ? text.padStart(width) : text.padEnd(width);

/** The load of the machine, for the heading of a table. */
export const load = (): string =>
  `load ${loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')}`;

export function heading(text: string): void {
  console.log(`\n${text} (Node ${process.versions.node}, ${load()})\n`);
}
