/** What is wrong: what the agent finds, by the rules of `hearsay doctor`, and all nodes and services that are not well. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { describeDissent } from '../../doctor/disagreement.ts';
import type { DoctorFinding } from '../../doctor/finding.ts';
import type { Cluster } from '../data/cluster.ts';
import { useCluster, useNow, usePolled } from '../parts/hooks.ts';
import { Mark } from '../parts/mark.ts';
import { plural, toAge, toSentence } from '../parts/text.ts';
import { nodePath, servicePath } from '../place.ts';

interface Trouble {
  readonly state: string;
  readonly path: string;
  readonly name: string;
  readonly text: string;
}

interface FindingsJson {
  readonly findings: readonly DoctorFinding[];
}

/** While it is read, the agent measures the ways to others. */
const INTERVAL = 2500;
const LISTED: ReadonlySet<string> = new Set(['failed', 'suspect', 'serviceDown', 'serviceInMaintenance']);
const MAX_TROUBLES = 12;
const STATES_OF = { error: 'failed', warning: 'suspect', note: 'left' } as const;

export function Troubles(): VNode {
  const cluster = useCluster();
  const now = useNow();
  const found = usePolled<FindingsJson>('/v1/hearsay/findings', INTERVAL).data?.findings ?? [];
  // Nodes and services stand in the list below, with links.
  const findings = found.filter(({ code }) => !LISTED.has(code));
  const unwell = findUnwell(cluster, now);
  const dissent = describeDissent(found);
  const isWell = findings.length + unwell.length === 0;
  return html`<section aria-labelledby="wrong">
    <h2 id="wrong">What is wrong</h2>
    ${isWell && html`<p class="quiet">${cluster.knownAt === undefined ? 'Reading …' : 'Nothing that this agent knows of.'}</p>`}
    ${dissent !== '' && html`<p class="dissent">${dissent}</p>`}
    ${
      !isWell &&
      html`<ul class="rows">
        ${findings.map(
          ({ severity, sentence, fix, code, nodes }) => html`<li key=${`${code} ${nodes.join()} ${sentence}`}>
            <${Mark} state=${STATES_OF[severity]} /><span class="grow">${sentence}<span class="fix">${toSentence(fix)}</span></span>
          </li>`,
        )}
        ${unwell
          .slice(0, MAX_TROUBLES)
          .map(
            ({ state, path, name, text }) =>
              html`<li key=${path}><${Mark} state=${state} /><a href=${path}>${name}</a><span>${text}</span></li>`,
          )}
      </ul>`
    }
    ${unwell.length > MAX_TROUBLES && html`<p class="quiet">And ${unwell.length - MAX_TROUBLES} more.</p>`}
  </section>`;
}

/** Nodes and services that are not well. */
function findUnwell(cluster: Cluster, now: number): Trouble[] {
  const nodes = [...cluster.members.values()]
    .filter(({ status }) => status === 'failed' || status === 'suspect')
    .sort((a, b) => a.status.localeCompare(b.status) || b.since - a.since)
    .map(({ name, status, since }) => {
      const count = cluster.byNode.get(name)?.length ?? 0;
      const what = status === 'failed' ? 'failed' : 'suspected';
      const lost = count === 0 ? '' : `, with ${plural(count, 'instance')}`;
      return {
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
    return [{ state, path: servicePath(name), name, text }];
  });
  services.sort((a, b) => a.state.localeCompare(b.state) || a.name.localeCompare(b.name));
  return [...nodes, ...services];
}
