/** All services, with a filter; `/ui/services/NAME` shows one. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LiveService } from '../data/types.ts';
import { useCluster } from '../parts/hooks.ts';
import { StateCounts } from '../parts/mark.ts';
import { Chips, Search } from '../parts/pieces.ts';
import { type Column, linkColumn, Table } from '../parts/table.ts';
import { plural } from '../parts/text.ts';
import type { ViewProps } from '../place.ts';
import { ServicePage } from './service.ts';

export function Services({ place, info }: ViewProps): VNode {
  return place.name === undefined
    ? html`<${ServiceList} />`
    : html`<${ServicePage} name=${place.name} info=${info} />`;
}

function ServiceList(): VNode {
  const { services } = useCluster();
  const [filter, setFilter] = useState('');
  const wanted = filter.toLowerCase();
  const all = [...services.values()];
  const rows = all.filter((row) =>
    [row.name, ...tagsOf(row)].some((text) => text.toLowerCase().includes(wanted)),
  );
  return html`<div class="view"><section>
    <div class="tools">
      <h1>Services</h1>
      <${Search} label="Name or tag" value=${filter} onValue=${setFilter} />
      <span class="note">${rows.length === all.length ? plural(all.length, 'service') : `${rows.length} of ${plural(all.length, 'service')}`}</span>
    </div>
    <${Table} caption="Services" columns=${COLUMNS} rows=${rows} keyOf=${(row: LiveService) => row.name} />
  </section></div>`;
}

const tagsOf = ({ instances }: LiveService): string[] =>
  [...new Set(instances.flatMap(({ tags }) => tags))].sort();
const healthy = ({ instances }: LiveService): number =>
  instances.filter(({ status }) => status === 'passing').length / instances.length;

const COLUMNS: readonly Column<LiveService>[] = [
  linkColumn('Name', 'services', ({ name }) => name),
  {
    title: 'Instances',
    order: ({ instances }) => instances.length,
    number: true,
  },
  {
    title: 'Health',
    cell: ({ instances }) => html`<div class="health"><${StateCounts} rows=${instances} /></div>`,
    order: healthy,
  },
  {
    title: 'Nodes',
    order: ({ instances }) => new Set(instances.map(({ node }) => node)).size,
    number: true,
    wide: true,
  },
  { title: 'Tags', cell: (row) => html`<${Chips} words=${tagsOf(row)} />`, wide: true },
];
