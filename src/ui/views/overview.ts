/** The overview: the cluster in one sentence, what is wrong, what changed in the last hour, and how this agent is. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { Cluster } from '../data/cluster.ts';
import type { InfoJson, SummaryJson } from '../data/types.ts';
import { useCluster, useLog, useNow } from '../parts/hooks.ts';
import { Bar, Mark, STATES, StateCounts } from '../parts/mark.ts';
import { Strip } from '../parts/strip.ts';
import { plural, toAge, toSentence } from '../parts/text.ts';
import { nodePath, servicePath } from '../place.ts';
import { AgentFigures } from './agent-figures.ts';

export function Overview({ info }: { readonly info: InfoJson | undefined }): VNode {
  const cluster = useCluster();
  const { lines } = useLog();
  return html`<div class="view">
    <${Headline} summary=${info?.partitionSummary} cluster=${cluster} />
    <div class="tiles">
      <${MemberTile} cluster=${cluster} />
      <${ServiceTile} cluster=${cluster} />
    </div>
    <${Troubles} cluster=${cluster} degraded=${info?.degraded ?? []} />
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
    <p class="figure">${cluster.members.size}</p>
    <${Bar} counts=${counts} />
    <${StateCounts} counts=${counts} words />
  </section>`;
}

function ServiceTile({ cluster }: { readonly cluster: Cluster }): VNode {
  const all = [...cluster.services.values()].flatMap(({ instances }) => instances);
  const counts = countBy(all.map(({ status }) => status));
  return html`<section class="tile" aria-labelledby="services">
    <h2 id="services"><a href="/ui/services">Services</a></h2>
    <p class="figure">${cluster.services.size} <span class="quiet">with ${plural(all.length, 'instance')}</span></p>
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

interface Trouble {
  readonly key: string;
  readonly state: string;
  readonly path?: string;
  readonly name: string;
  readonly text: string;
}

const MAX_TROUBLES = 12;

function Troubles({
  cluster,
  degraded,
}: {
  readonly cluster: Cluster;
  readonly degraded: readonly string[];
}): VNode {
  const now = useNow();
  const all = findTroubles(cluster, degraded, now);
  return html`<section aria-labelledby="wrong">
    <h2 id="wrong">What is wrong</h2>
    ${
      all.length === 0
        ? html`<p class="quiet">${cluster.knownAt === undefined ? 'Reading …' : 'Nothing that this agent knows of.'}</p>`
        : html`<ul class="rows">
            ${all.slice(0, MAX_TROUBLES).map(
              ({ key, state, path, name, text }) => html`<li key=${key}>
                <${Mark} state=${state} />
                ${path === undefined ? html`<strong>${name}</strong>` : html`<a href=${path}>${name}</a>`}
                <span>${text}</span>
              </li>`,
            )}
          </ul>`
    }
    ${all.length > MAX_TROUBLES && html`<p class="quiet">And ${all.length - MAX_TROUBLES} more.</p>`}
  </section>`;
}

function findTroubles(cluster: Cluster, degraded: readonly string[], now: number): Trouble[] {
  const own = degraded.map((text) => ({ key: `d ${text}`, state: 'warning', name: 'This agent', text }));
  const nodes = [...cluster.members.values()]
    .filter(({ status }) => status === 'failed' || status === 'suspect')
    .sort((a, b) => a.status.localeCompare(b.status) || b.since - a.since)
    .map(({ name, status, since }) => {
      const count = cluster.byNode.get(name)?.length ?? 0;
      const what = status === 'failed' ? 'failed' : 'suspected';
      const lost = count === 0 ? '' : `, with ${plural(count, 'instance')}`;
      return {
        key: `n ${name}`,
        state: status,
        path: nodePath(name),
        name,
        text: `${what} ${toAge(now - since)} ago${lost}`,
      };
    });
  const services = [...cluster.services.values()].flatMap(({ name, instances }) => {
    const critical = instances.filter(({ status }) => status === 'critical').length;
    const warning = instances.filter(({ status }) => status === 'warning').length;
    if (critical + warning === 0) return [];
    const none = critical === instances.length;
    const state = none ? 'critical' : 'warning';
    const parts = [
      critical === 0 ? '' : `${critical} of ${instances.length} critical`,
      warning === 0 ? '' : `${warning} of ${instances.length} in warning`,
    ];
    const text = `${none ? 'has no usable instance: ' : ''}${parts.filter(Boolean).join(', ')}`;
    return [{ key: `s ${name}`, state, path: servicePath(name), name, text }];
  });
  services.sort((a, b) => a.state.localeCompare(b.state) || a.name.localeCompare(b.name));
  return [...own, ...nodes, ...services];
}
