/** What has changed between two states of something that is watched, and how it is told. */
import type { CliContext } from '../command.ts';
import { printJson } from '../command.ts';
import { sanitize } from '../sanitize.ts';

/** One kind of thing to watch. A row is also what `--json` shows of it; two are the same if their JSON is. */
export interface Watch<Row extends object> {
  /** What the agent says, row by row. Throws `CliError`. */
  rows(state: unknown): ReadonlyMap<string, Row>;
  /** In a word, what happened to it; empty: nothing worth telling. One of the two is there. */
  event(before: Row | undefined, after: Row | undefined): string;
  /** The row for people. */
  cells(row: Row): readonly string[];
}

export interface RowChange<Row> {
  readonly event: string;
  readonly row: Row;
}

/** At first, without a `before`, each row is what there is `now`. */
export function diffRows<Row extends object>(
  watched: Watch<Row>,
  before: ReadonlyMap<string, Row> | undefined,
  after: ReadonlyMap<string, Row>,
): RowChange<Row>[] {
  if (before === undefined) return [...after.values()].map((row) => ({ event: 'now', row }));
  const changes: RowChange<Row>[] = [];
  for (const [key, row] of before)
    if (!after.has(key)) changes.push({ event: watched.event(row, undefined), row });
  for (const [key, row] of after) {
    const old = before.get(key);
    if (old === undefined || JSON.stringify(old) !== JSON.stringify(row))
      changes.push({ event: watched.event(old, row), row });
  }
  return changes;
}

/** One line each: JSON, or a time of day, the event and the words. */
export function printChange<Row extends object>(
  { io, colors }: CliContext,
  watched: Watch<Row>,
  { event, row }: RowChange<Row>,
  json: boolean,
): void {
  const at = new Date();
  if (json) {
    printJson(io, { at: at.toISOString(), event, ...row });
    return;
  }
  const paint = EVENT_COLORS.get(event);
  const shown = event.padEnd(EVENT_WIDTH);
  const words = [paint === undefined ? shown : colors[paint](shown), ...watched.cells(row).map(sanitize)];
  io.out.write(`${[colors.dim(at.toTimeString().slice(0, 8)), ...words].join('  ').trimEnd()}\n`);
}

const EVENT_WIDTH = 7;
const EVENT_COLORS: ReadonlyMap<string, 'green' | 'yellow' | 'red'> = new Map([
  ['joined', 'green'],
  ['alive', 'green'],
  ['added', 'green'],
  ['suspect', 'yellow'],
  ['changed', 'yellow'],
  ['moved', 'yellow'],
  ['failed', 'red'],
  ['removed', 'red'],
]);
