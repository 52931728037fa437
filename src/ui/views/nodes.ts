/** All nodes, with a filter; `/ui/nodes/NAME` shows one. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LiveMember, MemberRow } from '../data/types.ts';
import { useCluster, useNow, usePolled, useRoundTrips } from '../parts/hooks.ts';
import { lookOf, State } from '../parts/mark.ts';
import { Chips, Failure, Search, toPairs } from '../parts/pieces.ts';
import { type Column, linkColumn, Table } from '../parts/table.ts';
import { formatMillis, plural, toAge } from '../parts/text.ts';
import type { Place } from '../place.ts';
import { NodePage } from './node.ts';

export function Nodes({ place }: { readonly place: Place }): VNode {
  return place.name === undefined ? html`<${NodeList} />` : html`<${NodePage} name=${place.name} />`;
}

interface NodeRow extends LiveMember {
  readonly services: readonly string[];
  readonly rtt: number | undefined;
}

/** Expressions of the filter language are evaluated by the agent; anything else is searched for. */
const EXPRESSION = /==|!=|\b(?:in|contains|matches|is)\b/;

function NodeList(): VNode {
  const cluster = useCluster();
  const [filter, setFilter] = useState('');
  const isExpression = EXPRESSION.test(filter);
  const path = isExpression ? `/v1/hearsay/members?filter=${encodeURIComponent(filter)}` : undefined;
  const matching = usePolled<readonly MemberRow[]>(path, 3000);
  const rtts = useRoundTrips(cluster.self?.name);
  const rows = [...cluster.members.values()].map((member) => ({
    ...member,
    services: [...new Set(cluster.byNode.get(member.name)?.map(({ service }) => service))],
    rtt: member.self ? undefined : rtts.get(member.name),
  }));
  const names = new Set(matching.data?.map(({ name }) => name));
  const shown = rows.filter((row) =>
    isExpression ? names.has(row.name) : includes(row, filter.toLowerCase()),
  );
  return html`<div class="view"><section>
    <div class="tools">
      <h1>Nodes</h1>
      <${Search} label="Name, tag, service, or tags.zone == eu-1" value=${filter} onValue=${setFilter} />
      <span class="note">${shown.length === rows.length ? plural(rows.length, 'node') : `${shown.length} of ${plural(rows.length, 'node')}`}</span>
    </div>
    <${Failure} error=${matching.error} />
    <${Table} caption="Nodes" columns=${useColumns()} rows=${shown} keyOf=${(row: NodeRow) => row.name} />
  </section></div>`;
}

function includes({ name, addr, status, tags, services }: NodeRow, wanted: string): boolean {
  return [name, addr, status, ...toPairs(tags), ...services].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

const TONES = ['bad', 'odd', 'good', 'quiet'];

function useColumns(): readonly Column<NodeRow>[] {
  const now = useNow(5000);
  return [
    linkColumn('Name', 'nodes', ({ name }) => name),
    {
      title: 'State',
      cell: ({ status }) => html`<${State} state=${status} />`,
      order: ({ status }) => TONES.indexOf(lookOf(status).tone),
    },
    { title: 'For', cell: ({ since }) => toAge(now - since), order: ({ since }) => -since, number: true },
    {
      title: 'Round trip',
      cell: ({ rtt, self }) => (self ? 'this agent' : rtt === undefined ? '' : formatMillis(rtt)),
      order: ({ rtt }) => rtt ?? -1,
      number: true,
      wide: true,
    },
    { title: 'Address', cell: ({ addr, port }) => `${addr}:${port}`, order: ({ addr }) => addr, wide: true },
    { title: 'Services', order: ({ services }) => services.join(', ') },
    {
      title: 'Tags',
      cell: ({ tags }) =>
        html`<${Chips} words=${toPairs(tags).filter((tag) => !tag.startsWith('hearsay='))} />`,
      wide: true,
    },
  ];
}
