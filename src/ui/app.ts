/** The dashboard: its frame, and which view is shown in it. */
import { html, render } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { onTokenNeeded } from './data/api.ts';
import { Cluster, followCluster } from './data/cluster.ts';
import type { InfoJson } from './data/types.ts';
import { TokenDialog } from './parts/confirm.ts';
import { ConnectionPill } from './parts/connection.ts';
import { ClusterContext, useCluster, usePlace, usePolled } from './parts/hooks.ts';
import { capitalize } from './parts/text.ts';
import { type Place, pathOf, TABS, type Tab, type ViewProps } from './place.ts';
import { Actions } from './views/actions.ts';
import { Events } from './views/events.ts';
import { JobsAndPools } from './views/jobs.ts';
import { NodeMap } from './views/map.ts';
import { Nodes } from './views/nodes.ts';
import { Overview } from './views/overview.ts';
import { Services } from './views/services.ts';

const VIEWS: Readonly<Record<Tab, (props: ViewProps) => VNode>> = {
  overview: Overview,
  map: NodeMap,
  nodes: Nodes,
  services: Services,
  jobs: JobsAndPools,
  events: Events,
  actions: Actions,
};

/** How often this agent is asked how it is, in milliseconds. */
const INFO_INTERVAL = 2000;

function App(): VNode {
  const cluster = useCluster();
  const { members } = cluster;
  const [place, go] = usePlace();
  const [tokens, setTokens] = useState(0);
  const [asking, setAsking] = useState(false);
  useEffect(() => onTokenNeeded(() => setAsking(true)), []);
  useEffect(() => followCluster(cluster), [cluster, tokens]);
  useKeys(go);
  // A death is in the summary when it is in the list: it is asked for at once when the state of a member changes.
  const unwell = [...members.values()].filter(({ status }) => status !== 'alive');
  const key = `${tokens} ${unwell.map(({ name, status }) => `${name} ${status}`).join()}`;
  const info = usePolled<InfoJson>('/v1/hearsay/info', INFO_INTERVAL, key).data;
  useEffect(() => {
    const what = place.name ?? capitalize(place.tab);
    document.title = `${what} · ${info?.datacenter ?? 'hearsay'}`;
  }, [place, info?.datacenter]);
  const View = VIEWS[place.tab];
  const done = (): void => {
    setAsking(false);
    setTokens((count) => count + 1);
  };
  return html`<a class="skip" href="#main">Skip to the content</a>
    <${Header} place=${place} info=${info} />
    <main id="main" tabindex="-1"><${View} key=${`${place.tab}/${place.name ?? ''}`} place=${place} info=${info} /></main>
    ${asking && html`<${TokenDialog} onDone=${done} />`}`;
}

function Header({ place, info }: ViewProps): VNode {
  return html`<header>
    <a class="brand" href="/ui/"><img src="/ui/icon.svg" alt="" width="22" height="22" />hearsay</a>
    ${info !== undefined && html`<span class="where">${info.datacenter} <span class="quiet">seen from</span> ${info.node}</span>`}
    <${ConnectionPill} />
    <nav aria-label="Views">
      ${TABS.map(
        (tab) =>
          html`<a key=${tab} href=${pathOf({ tab })} aria-current=${tab === place.tab ? 'page' : undefined}>${capitalize(tab)}</a>`,
      )}
    </nav>
  </header>`;
}

/** 1 to 7 show a view, and / goes to the filter. */
function useKeys(go: (to: Place) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isTyping =
        event.target instanceof Element && event.target.closest('input, textarea, select, dialog') !== null;
      if (isTyping || event.metaKey || event.ctrlKey || event.altKey) return;
      const tab = TABS[Number(event.key) - 1];
      if (tab !== undefined) go({ tab });
      const filter =
        event.key === '/' ? document.querySelector<HTMLInputElement>('input[type=search]') : null;
      if (filter === null) return;
      event.preventDefault();
      filter.focus();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [go]);
}

const root = document.getElementById('app');
if (root !== null) render(html`<${ClusterContext.Provider} value=${new Cluster()}><${App} /><//>`, root);
