/** Compares two states of a watch and prints the changes. */
import type { CliContext } from '../command.ts';
import { printJson } from '../command.ts';
import { sanitize } from '../sanitize.ts';

/** One kind of watch. `--json` prints its rows as they are; two rows are equal if their JSON is. */
export interface Watch<Row extends object> {
  /** The rows of a response of the agent, by key. Throws `CliError`. */
  rows(state: unknown): ReadonlyMap<string, Row>;
  /** One word for what happened, or empty if it is not printed. At least one of the two rows is defined. */
  event(before: Row | undefined, after: Row | undefined): string;
  /** The row as columns. */
  cells(row: Row): readonly string[];
}

export interface RowChange<Row> {
  readonly event: string;
  readonly row: Row;
}

/** The changes from `before` to `after`. Without `before` each row is an event `now`. */
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

/** Prints one line: JSON, or time of day, event and columns. */
export function printChange<Row extends object>(
  { io, colors }: CliContext,
  watched: Pick<Watch<Row>, 'cells'>,
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
  const columns = [paint === undefined ? shown : colors[paint](shown), ...watched.cells(row).map(sanitize)];
  io.out.write(`${[colors.dim(at.toTimeString().slice(0, 8)), ...columns].join('  ').trimEnd()}\n`);
}

const EVENT_WIDTH = 7;
const EVENT_COLORS: ReadonlyMap<string, 'green' | 'yellow' | 'red'> = new Map([
  ['joined', 'green'],
  ['alive', 'green'],
  ['added', 'green'],
  ['suspect', 'yellow'],
  ['away', 'yellow'],
  ['changed', 'yellow'],
  ['moved', 'yellow'],
  ['drained', 'yellow'],
  ['kept', 'yellow'],
  ['failed', 'red'],
  ['removed', 'red'],
]);
