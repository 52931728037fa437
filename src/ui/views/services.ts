/** All services, with a filter; `/ui/services/NAME` shows one. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { InfoJson, LiveService } from '../data/types.ts';
import { useCluster } from '../parts/hooks.ts';
import { Bar, StateCounts } from '../parts/mark.ts';
import { Chips, Search } from '../parts/pieces.ts';
import { type Column, Table } from '../parts/table.ts';
import { plural } from '../parts/text.ts';
import { type Place, servicePath } from '../place.ts';
import { countBy } from './overview.ts';
import { ServicePage } from './service.ts';

interface ServicesProps {
  readonly place: Place;
  readonly info: InfoJson | undefined;
}

export function Services({ place, info }: ServicesProps): VNode {
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

const countsOf = ({ instances }: LiveService) => countBy(instances.map(({ status }) => status));
const tagsOf = ({ instances }: LiveService): string[] =>
  [...new Set(instances.flatMap(({ tags }) => tags))].sort();
const healthy = ({ instances }: LiveService): number =>
  instances.filter(({ status }) => status === 'passing').length / instances.length;

const COLUMNS: readonly Column<LiveService>[] = [
  {
    title: 'Name',
    cell: ({ name }) => html`<a href=${servicePath(name)}>${name}</a>`,
    order: ({ name }) => name,
  },
  {
    title: 'Instances',
    cell: ({ instances }) => instances.length,
    order: ({ instances }) => instances.length,
    number: true,
  },
  {
    title: 'Health',
    cell: (row) =>
      html`<div class="health"><${Bar} counts=${countsOf(row)} /><${StateCounts} counts=${countsOf(row)} /></div>`,
    order: healthy,
  },
  {
    title: 'Nodes',
    cell: ({ instances }) => new Set(instances.map(({ node }) => node)).size,
    order: ({ instances }) => new Set(instances.map(({ node }) => node)).size,
    number: true,
    wide: true,
  },
  { title: 'Tags', cell: (row) => html`<${Chips} words=${tagsOf(row)} />`, wide: true },
];
