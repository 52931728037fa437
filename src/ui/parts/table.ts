/** Tables that are sorted by their headings. Long ones are cut: nobody reads 1,000 rows, and a filter finds one. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { pathOf, type Tab } from '../place.ts';

export interface Column<T> {
  readonly title: string;
  /** Absent: what rows are sorted by is shown. */
  readonly cell?: (row: T) => ComponentChildren;
  /** What rows are sorted by; absent: not by this column. */
  readonly order?: (row: T) => number | string;
  /** It is left out on narrow screens. */
  readonly wide?: true;
  readonly number?: true;
}

/** Names that lead to their pages. */
export const linkColumn = <T>(title: string, tab: Tab, nameOf: (row: T) => string): Column<T> => ({
  title,
  cell: (row) => nameOf(row) && html`<a href=${pathOf({ tab, name: nameOf(row) })}>${nameOf(row)}</a>`,
  order: nameOf,
});

interface TableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  keyOf(row: T): string;
}

const MAX_ROWS = 200;

export function Table<T>({ caption, columns, rows, keyOf }: TableProps<T>): VNode {
  const [sorting, setSorting] = useState({ column: 0, down: false });
  const [all, setAll] = useState(false);
  const order = columns[sorting.column]?.order;
  const sorted = order === undefined ? [...rows] : [...rows].sort((a, b) => compare(order(a), order(b)));
  if (sorting.down) sorted.reverse();
  const shown = all ? sorted : sorted.slice(0, MAX_ROWS);
  const sortBy = (column: number): void =>
    setSorting((before) => ({ column, down: before.column === column && !before.down }));
  const classOf = ({ wide, number }: Column<T>): string => `${wide ? 'wide' : ''} ${number ? 'number' : ''}`;
  return html`<div class="sheet" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="unseen">${caption}</caption>
      <thead><tr>${columns.map((column, i) => {
        const isOrder = i === sorting.column;
        return html`<th key=${column.title} scope="col" class=${classOf(column)}
          aria-sort=${isOrder ? (sorting.down ? 'descending' : 'ascending') : undefined}>
          ${
            column.order === undefined
              ? column.title
              : html`<button type="button" onClick=${() => sortBy(i)}>${column.title}${isOrder && (sorting.down ? ' ↓' : ' ↑')}</button>`
          }
        </th>`;
      })}</tr></thead>
      <tbody>${shown.map(
        (row) =>
          html`<tr key=${keyOf(row)}>${columns.map((column) => html`<td key=${column.title} class=${classOf(column)}>${(column.cell ?? column.order)?.(row)}</td>`)}</tr>`,
      )}</tbody>
    </table>
    ${rows.length === 0 && html`<p class="empty quiet">None.</p>`}
    ${shown.length < rows.length && html`<p class="empty"><button type="button" onClick=${() => setAll(true)}>Show all ${rows.length}</button></p>`}
  </div>`;
}

/** `node-2` stands before `node-10`. Made once: it compares ten times as fast as `localeCompare`. */
const COLLATOR = new Intl.Collator(undefined, { numeric: true });

const compare = (a: number | string, b: number | string): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : COLLATOR.compare(String(a), String(b));
