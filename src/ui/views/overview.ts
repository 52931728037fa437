/** The overview: the cluster in one sentence, what is wrong, what changed in the last hour, and how this agent is. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { Cluster } from '../data/cluster.ts';
import type { InfoJson, SummaryJson } from '../data/types.ts';
import { useCluster, useLog } from '../parts/hooks.ts';
import { Bar, Mark, STATES, StateCounts } from '../parts/mark.ts';
import { Strip } from '../parts/strip.ts';
import { plural, toGroups, toSentence } from '../parts/text.ts';
import { AgentFigures } from './agent-figures.ts';
import { Troubles } from './troubles.ts';

export function Overview({ info }: { readonly info: InfoJson | undefined }): VNode {
  const cluster = useCluster();
  const { lines } = useLog();
  return html`<div class="view">
    <${Headline} summary=${info?.partitionSummary} cluster=${cluster} />
    <div class="tiles">
      <${MemberTile} cluster=${cluster} />
      <${ServiceTile} cluster=${cluster} />
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

function MemberTile({ cluster }: { readonly cluster: Cluster }): VNode {
  const counts = countBy([...cluster.members.values()].map(({ status }) => status));
  return html`<section class="tile" aria-labelledby="members">
    <h2 id="members"><a href="/ui/nodes">Nodes</a></h2>
    <p class="figure">${toGroups(cluster.members.size)}</p>
    <${Bar} counts=${counts} />
    <${StateCounts} counts=${counts} words />
  </section>`;
}

function ServiceTile({ cluster }: { readonly cluster: Cluster }): VNode {
  const all = [...cluster.services.values()].flatMap(({ instances }) => instances);
  const counts = countBy(all.map(({ status }) => status));
  return html`<section class="tile" aria-labelledby="services">
    <h2 id="services"><a href="/ui/services">Services</a></h2>
    <p class="figure">${toGroups(cluster.services.size)} <span class="quiet">with ${plural(all.length, 'instance')}</span></p>
    <${Bar} counts=${counts} />
    <${StateCounts} counts=${counts} words />
  </section>`;
}

/** In the order in which states are declared. */
export function countBy(states: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map(Object.keys(STATES).map((state) => [state, 0]));
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}
