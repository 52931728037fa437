/** What is wrong: what `hearsay doctor` finds in the facts that the page has, and all nodes and services that are not well. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { examine } from '../../doctor/examine.ts';
import type { DoctorFinding, WarningFact } from '../../doctor/finding.ts';
import type { Cluster } from '../data/cluster.ts';
import type { InfoJson } from '../data/types.ts';
import { useCluster, useNow, usePolled } from '../parts/hooks.ts';
import { Mark } from '../parts/mark.ts';
import { plural, toAge, toSentence } from '../parts/text.ts';
import { nodePath, servicePath } from '../place.ts';

interface Trouble {
  readonly key: string;
  readonly state: string;
  readonly path: string;
  readonly name: string;
  readonly text: string;
}

const MAX_TROUBLES = 12;
const STATES_OF = { error: 'failed', warning: 'suspect', note: 'left' } as const;

export function Troubles({ info }: { readonly info: InfoJson | undefined }): VNode {
  const cluster = useCluster();
  const now = useNow();
  const warnings = usePolled<readonly WarningFact[]>('/v1/hearsay/warnings', 3000).data;
  const findings = info === undefined ? [] : findFaults(cluster, info, warnings ?? [], now);
  const unwell = findUnwell(cluster, now);
  const isWell = findings.length + unwell.length === 0;
  return html`<section aria-labelledby="wrong">
    <h2 id="wrong">What is wrong</h2>
    ${isWell && html`<p class="quiet">${cluster.knownAt === undefined ? 'Reading …' : 'Nothing that this agent knows of.'}</p>`}
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
            ({ key, state, path, name, text }) =>
              html`<li key=${key}><${Mark} state=${state} /><a href=${path}>${name}</a><span>${text}</span></li>`,
          )}
      </ul>`
    }
    ${unwell.length > MAX_TROUBLES && html`<p class="quiet">And ${unwell.length - MAX_TROUBLES} more.</p>`}
  </section>`;
}

/** Without those of single nodes, which stand in the list with links. */
function findFaults(
  cluster: Cluster,
  info: InfoJson,
  warnings: readonly WarningFact[],
  now: number,
): DoctorFinding[] {
  const members = [...cluster.members.values()].map((member) => ({ ...member, ageMs: now - member.since }));
  const { node: self, degraded, partitionSummary: partition } = info;
  const facts = { self, members, awareness: info.health.awareness, degraded, partition, warnings };
  // What takes a query of all members, or a token, is left to the command.
  const rest = { whys: new Map(), silent: [], keys: undefined, services: [], checks: [], dns: undefined };
  return examine({ ...facts, ...rest }).filter(({ code }) => code !== 'failed' && code !== 'suspect');
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
  return [...nodes, ...services];
}
