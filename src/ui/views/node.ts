/** One node: what it is, why it has its state, and what runs on it. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { segment } from '../data/api.ts';
import type { LiveMember } from '../data/types.ts';
import { useCluster, useNow, usePolled, useRoundTrips } from '../parts/hooks.ts';
import { State } from '../parts/mark.ts';
import { Chips, FactList, Failure, toPairs } from '../parts/pieces.ts';
import { formatClock, formatMillis, plural, toAge, toSentence } from '../parts/text.ts';
import { servicePath } from '../place.ts';
import { type CheckJson, CheckList } from './checks.ts';

/** `/v1/hearsay/why/NODE`. */
interface WhyJson {
  readonly diagnosis: string;
  readonly accusation: string | null;
  readonly cause: string | null;
  readonly dropped: number;
  readonly witnesses: {
    readonly answered: readonly string[];
    readonly error: string | null;
  } | null;
  readonly evidence: readonly EvidenceJson[];
}

interface EvidenceJson {
  readonly at: string;
  readonly observer: string;
  readonly message: string;
  readonly kind: string;
  readonly count?: number;
}

export function NodePage({ name }: { readonly name: string }): VNode {
  const cluster = useCluster();
  const member = cluster.members.get(name);
  // What a node has is asked for again when its state or its services change.
  const instances = cluster.byNode.get(name) ?? [];
  const key = `${member?.status} ${instances.map(({ id, status }) => id + status).join()}`;
  const why = usePolled<WhyJson>(`/v1/hearsay/why/${segment(name)}`, 10_000, key);
  const checks = usePolled<readonly CheckJson[]>(`/v1/health/node/${segment(name)}`, 5000, key);
  const rtt = useRoundTrips(cluster.self?.name).get(name);
  return html`<div class="view">
    <section>
      <p class="crumb"><a href="/ui/nodes">Nodes</a></p>
      <h1>${name}</h1>
      ${member === undefined ? html`<p class="quiet">No member has this name now.</p>` : html`<${Identity} member=${member} rtt=${rtt} />`}
    </section>
    <section aria-labelledby="why">
      <h2 id="why">Why it has this state</h2>
      <${Failure} error=${why.error} />
      ${why.data !== undefined && html`<${Why} name=${name} why=${why.data} />`}
    </section>
    <section aria-labelledby="runs">
      <h2 id="runs">Services</h2>
      <ul class="rows">${instances.map(
        ({ id, service, address, port, status, tags }) => html`<li key=${`${service} ${id}`}>
          <${State} state=${status} /><a href=${servicePath(service)}>${service}</a><span>${id}</span><span class="quiet">${address}:${port}</span><${Chips} words=${tags} />
        </li>`,
      )}${instances.length === 0 && html`<li class="quiet">None that this agent knows of.</li>`}</ul>
    </section>
    <section aria-labelledby="checks">
      <h2 id="checks">Checks</h2>
      <${CheckList} checks=${checks.data ?? []} />
    </section>
  </div>`;
}

interface IdentityProps {
  readonly member: LiveMember;
  readonly rtt: number | undefined;
}

function Identity({ member, rtt }: IdentityProps): VNode {
  const now = useNow(5000);
  return html`<${FactList} facts=${[
    ['State', html`<${State} state=${member.status} />`],
    ['For', toAge(now - member.since)],
    ['Address', `${member.addr}:${member.port}`],
    ['Round trip', member.self ? 'this agent' : rtt === undefined ? 'not known' : formatMillis(rtt)],
    ['Incarnation', String(member.incarnation)],
    ['Tags', html`<${Chips} words=${toPairs(member.tags)} />`],
  ]} />`;
}

function Why({ name, why }: { readonly name: string; readonly why: WhyJson }): VNode {
  const { witnesses } = why;
  const said = witnesses === null ? '' : `${plural(witnesses.answered.length, 'other agent')} answered`;
  const accused = {
    true: 'The last accusation is likely true',
    false: 'The last accusation is likely false',
    unclear: 'Whether the last accusation is true is unclear',
  };
  const verdict =
    why.accusation === null
      ? ''
      : `${accused[why.accusation as keyof typeof accused] ?? ''}${why.cause === null ? '' : ` (${why.cause})`}`;
  return html`<div class="card">
    <p class="diagnosis">${why.diagnosis.startsWith(name) ? why.diagnosis : toSentence(why.diagnosis)}</p>
    <p class="note">${[verdict, said, witnesses?.error ?? ''].filter(Boolean).map(toSentence).join(' ')}</p>
    <ol class="timeline">${why.evidence.map(
      ({ at, observer, message, count, kind }, i) => html`<li key=${`${at} ${observer} ${i}`} class=${kind}>
        <time datetime=${at} title=${at}>${formatClock(Date.parse(at))}</time>
        <span>${message}${count !== undefined && `, ${count} times`} <span class="quiet">— ${observer}</span></span>
      </li>`,
    )}</ol>
    ${why.evidence.length === 0 && html`<p class="quiet">There is no evidence about it: nothing has happened.</p>`}
    ${why.dropped > 0 && html`<p class="note">${why.dropped} older entries are not kept.</p>`}
  </div>`;
}
