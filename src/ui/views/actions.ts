/** What an operator does: maintenance, draining, tags, forgetting members, gossip keys. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { putApi, segment } from '../data/api.ts';
import { Confirm, type ConfirmedAction } from '../parts/confirm.ts';
import { useCluster, useNow, usePolled } from '../parts/hooks.ts';
import { State } from '../parts/mark.ts';
import { capitalize, toAge } from '../parts/text.ts';
import { nodePath, type ViewProps } from '../place.ts';
import type { CheckJson } from './checks.ts';
import { KeyActions } from './keys.ts';

const TAGS = '/v1/hearsay/tags';

type Start = (action: ConfirmedAction) => void;

export function Actions({ info }: ViewProps): VNode {
  const [action, setAction] = useState<ConfirmedAction>();
  const [done, setDone] = useState('');
  const [count, setCount] = useState(0);
  const close = (text: string | undefined): void => {
    setAction(undefined);
    if (text === undefined) return;
    setDone(text);
    setCount((before) => before + 1);
  };
  const node = info?.node ?? 'this agent';
  return html`<div class="view">
    <section>
      <h1>Actions</h1>
      <p class="quiet">Services and tags are those of ${node}: each agent changes its own. Every change is confirmed first.</p>
      <p class="note done" role="status">${done}</p>
    </section>
    <${ServiceActions} node=${node} start=${setAction} refresh=${count} />
    <${TagActions} node=${node} start=${setAction} />
    <${MemberActions} start=${setAction} />
    <${KeyActions} info=${info} start=${setAction} />
    ${action !== undefined && html`<${Confirm} action=${action} onClose=${close} />`}
  </div>`;
}

const run = (path: string, done: string, body?: object) => async (): Promise<string> => {
  await putApi(path, body);
  return done;
};

/** Ends what leaves services out of answers: `what` names it, as the maintenance of web-1. */
const ending = (what: string, verb: string, path: string): ConfirmedAction => ({
  title: `End ${what}?`,
  consequence: 'All agents answer for it again, as far as its checks pass.',
  verb,
  run: run(`${path}?enable=false`, `${capitalize(what)} has ended.`),
});

function maintenance(what: string, path: string, isOn: boolean): ConfirmedAction {
  if (isOn) return ending(`the maintenance of ${what}`, 'End maintenance', path);
  return {
    title: `Maintenance of ${what}?`,
    consequence:
      'All agents of the cluster leave it out of DNS and of healthy results within a second or two, until the maintenance is ended here.',
    verb: 'Begin maintenance',
    fields: { reason: 'Reason, which everybody sees' },
    run: ({ reason = '' }) =>
      run(`${path}?enable=true&reason=${encodeURIComponent(reason)}`, `${what} is in maintenance.`)(),
  };
}

function draining(id: string, isOn: boolean): ConfirmedAction {
  const path = `/v1/hearsay/drain/${segment(id)}`;
  if (isOn) return ending(`the draining of ${id}`, 'End draining', path);
  return {
    title: `Drain ${id}?`,
    consequence:
      'All agents of the cluster leave it out of all results within a second or two, so that it gets no new connections. Those that it has go on. Stop it when they have ended.',
    verb: 'Drain',
    run: run(`${path}?enable=true`, `${id} drains.`),
  };
}

interface ServiceActionsProps {
  readonly node: string;
  readonly start: Start;
  /** It is counted up after each change. */
  readonly refresh: number;
}

function ServiceActions({ node, start, refresh }: ServiceActionsProps): VNode {
  const cluster = useCluster();
  const instances = cluster.byNode.get(node) ?? [];
  const { data: checks } = usePolled<Readonly<Record<string, CheckJson>>>('/v1/agent/checks', 3000, refresh);
  const has = (id: string): boolean => checks !== undefined && Object.hasOwn(checks, id);
  const { data: services } = usePolled<Readonly<Record<string, { readonly Service: string }>>>(
    '/v1/agent/services',
    3000,
    refresh,
  );
  const isDown = has('_node_maintenance');
  const drains = (id: string): boolean => instances.some((one) => one.id === id && one.status === 'draining');
  return html`<section aria-labelledby="own">
    <h2 id="own">Services of ${node}</h2>
    <ul class="rows">
      <li><strong class="grow">All of them</strong>
        <button type="button" class="small" onClick=${() => start(maintenance(`all services of ${node}`, '/v1/agent/maintenance', isDown))}>${isDown ? 'End maintenance' : 'Maintenance'}</button></li>
      ${Object.entries(services ?? {}).map(([id, { Service }]) => {
        const isMaintained = has(`_service_maintenance:${id}`);
        const path = `/v1/agent/service/maintenance/${segment(id)}`;
        return html`<li key=${id}>
          <${State} state=${instances.find((one) => one.id === id)?.status ?? 'passing'} />
          <span class="grow"><strong>${id}</strong>${Service !== id && html` <span class="quiet">${Service}</span>`}</span>
          <button type="button" class="small" aria-label=${`${isMaintained ? 'End maintenance' : 'Maintenance'} of ${id}`} onClick=${() => start(maintenance(id, path, isMaintained))}>${isMaintained ? 'End maintenance' : 'Maintenance'}</button>
          <button type="button" class="small" aria-label=${`${drains(id) ? 'End draining' : 'Drain'} ${id}`} onClick=${() => start(draining(id, drains(id)))}>${drains(id) ? 'End draining' : 'Drain'}</button>
        </li>`;
      })}
    </ul>
  </section>`;
}

function TagActions({ node, start }: { readonly node: string; readonly start: Start }): VNode {
  const tags = Object.entries(useCluster().self?.tags ?? {});
  const consequence = 'All agents see it within a second or two, and run their handlers of member-update.';
  const set: ConfirmedAction = {
    title: `Set a tag of ${node}`,
    consequence,
    verb: 'Set',
    fields: { name: 'Name', value: 'Value' },
    run: ({ name = '', value = '' }) => run(TAGS, `The tag ${name} is set.`, { set: { [name]: value } })(),
  };
  const remove = (name: string): ConfirmedAction => ({
    title: `Remove the tag ${name} of ${node}?`,
    consequence,
    verb: 'Remove',
    run: run(TAGS, `The tag ${name} is removed.`, { delete: [name] }),
  });
  return html`<section aria-labelledby="tags">
    <h2 id="tags">Tags of ${node}</h2>
    <ul class="rows">
      ${tags.map(
        ([name, value]) => html`<li key=${name}><span class="grow"><strong>${name}</strong> ${value}</span>
          ${name !== 'hearsay' && html`<button type="button" class="small" aria-label=${`Remove the tag ${name}`} onClick=${() => start(remove(name))}>Remove</button>`}</li>`,
      )}
      <li><button type="button" class="small" onClick=${() => start(set)}>Set a tag</button></li>
    </ul>
  </section>`;
}

function MemberActions({ start }: { readonly start: Start }): VNode {
  const now = useNow(5000);
  const failed = [...useCluster().members.values()].filter(({ status }) => status === 'failed');
  const forget = (name: string): ConfirmedAction => ({
    title: `Forget ${name}?`,
    consequence: `All agents of the cluster mark ${name} as left, and its services are in no answer any more. Should it live, it says so and comes back.`,
    verb: 'Forget',
    run: run(`/v1/hearsay/forget/${segment(name)}`, `${name} is forgotten.`),
  });
  return html`<section aria-labelledby="failed">
    <h2 id="failed">Failed members</h2>
    <ul class="rows">
      ${failed.map(
        ({ name, status, since }) =>
          html`<li key=${name}><${State} state=${status} /><a href=${nodePath(name)}>${name}</a><span class="grow quiet">for ${toAge(now - since)}</span>
          <button type="button" class="small danger" aria-label=${`Forget ${name}`} onClick=${() => start(forget(name))}>Forget</button></li>`,
      )}
      ${failed.length === 0 && html`<li class="quiet">None.</li>`}
    </ul>
  </section>`;
}
