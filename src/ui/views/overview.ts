/** The overview: the cluster in one sentence, what is wrong, what changed in the last hour, and how this agent is. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { Cluster } from '../data/cluster.ts';
import type { SummaryJson } from '../data/types.ts';
import { useCluster, useLog } from '../parts/hooks.ts';
import { Mark, StateCounts } from '../parts/mark.ts';
import { Strip } from '../parts/strip.ts';
import { capitalize, plural, toGroups, toSentence } from '../parts/text.ts';
import { pathOf, type Tab, type ViewProps } from '../place.ts';
import { AgentFigures } from './agent-figures.ts';
import { Troubles } from './troubles.ts';

export function Overview({ info }: ViewProps): VNode {
  const cluster = useCluster();
  const { members, services } = cluster;
  const instances = [...services.values()].flatMap((service) => service.instances);
  const { lines } = useLog();
  return html`<div class="view">
    <${Headline} summary=${info?.partitionSummary} cluster=${cluster} />
    <div class="tiles">
      <${Tile} tab="nodes" count=${members.size} rows=${[...members.values()]} />
      <${Tile} tab="services" count=${services.size} note=${`with ${plural(instances.length, 'instance')}`} rows=${instances} />
    </div>
    <${Troubles} />
    <section aria-labelledby="hour">
      <h2 id="hour">The last hour</h2>
      <${Strip} lines=${lines} />
    </section>
    ${info !== undefined && html`<${AgentFigures} info=${info} />`}
  </div>`;
}

interface HeadlineProps {
  readonly summary: SummaryJson | undefined;
  readonly cluster: Cluster;
}

function Headline({ summary, cluster }: HeadlineProps): VNode {
  if (summary === undefined)
    return html`<section class="headline"><h1>${cluster.knownAt === undefined ? 'Reading …' : 'The agent does not answer.'}</h1></section>`;
  const state = { whole: 'alive', deaths: 'suspect', partition: 'failed' }[summary.kind];
  return html`<section class="headline">
    <h1><${Mark} state=${state} />${toSentence(summary.sentence)}</h1>
    <p class="quiet">${describePast(summary)}</p>
  </section>`;
}

function describePast({ minuteAgo, hourAgo }: SummaryJson): string {
  const past = hourAgo ?? minuteAgo;
  if (past === null) return 'This agent was started less than a minute ago.';
  const when = hourAgo === null ? 'A minute ago' : 'An hour ago';
  return `${when} ${past.visible} of ${past.known} were visible.`;
}

interface TileProps {
  readonly tab: Tab;
  readonly count: number;
  /** What stands behind the count. */
  readonly note?: string;
  readonly rows: readonly { readonly status: string }[];
}

function Tile({ tab, count, note, rows }: TileProps): VNode {
  return html`<section class="tile" aria-labelledby=${tab}>
    <h2 id=${tab}><a href=${pathOf({ tab })}>${capitalize(tab)}</a></h2>
    <p class="figure">${toGroups(count)} <span class="quiet">${note}</span></p>
    <${StateCounts} rows=${rows} words />
  </section>`;
}
