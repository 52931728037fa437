/** Aligned tables, colors of statuses, and ages. */
import type { CliContext } from '../command.ts';
import { sanitize } from '../sanitize.ts';

/** Orders names as people count: demo-2 before demo-10. */
export const compareNames = new Intl.Collator('en', { numeric: true }).compare;

/** Colors one cell. `row` counts from 0 below the header. */
export type CellPainter = (cell: string, column: number, row: number) => string;

/** Aligned rows below a header, with two blanks between columns. Cells are sanitized. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  paint: CellPainter = (cell) => cell,
): string {
  const table = [header, ...rows].map((row) => row.map(sanitize));
  const widths = header.map((_, column) => Math.max(...table.map((row) => displayLength(row[column] ?? ''))));
  return table
    .map((row, at) => {
      const cells = row.map((cell, column) => {
        const shown = at === 0 ? cell : paint(cell, column, at - 1);
        return shown + ' '.repeat((widths[column] ?? 0) - displayLength(cell));
      });
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

const displayLength = (cell: string): number => [...cell].length;

/** The status of a member, a check or an instance in its color; other statuses are dim. */
export function colorStatus(colors: CliContext['colors'], status: string): string {
  const paint = STATUS_COLORS.get(status);
  return paint === undefined ? colors.dim(status) : colors[paint](status);
}

const STATUS_COLORS: ReadonlyMap<string, 'green' | 'yellow' | 'red'> = new Map([
  ['alive', 'green'],
  ['passing', 'green'],
  ['suspect', 'yellow'],
  ['away', 'yellow'],
  ['warning', 'yellow'],
  ['maintenance', 'yellow'],
  ['draining', 'yellow'],
  ['failed', 'red'],
  ['critical', 'red'],
]);

/** `3s`, `2m`, `5h`, `12d`: the largest unit that fits. */
export function formatAge(millis: number): string {
  const seconds = Math.max(0, Math.floor(millis / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
