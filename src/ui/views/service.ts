/** One service: its instances, why each is answered or not, and its names in DNS. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { segment } from '../data/api.ts';
import type { InfoJson, LiveInstance } from '../data/types.ts';
import { useCluster, usePolled } from '../parts/hooks.ts';
import { State } from '../parts/mark.ts';
import { Chips, Copyable, FactList, Failure, toPairs } from '../parts/pieces.ts';
import { formatMillis, plural, toSentence } from '../parts/text.ts';
import { nodePath } from '../place.ts';
import { type CheckJson, CheckList } from './checks.ts';
import { Matrix } from './matrix.ts';

/** `/v1/hearsay/why?service=`. */
interface WhyServiceJson {
  readonly summary: string;
  readonly instances: readonly {
    readonly id: string;
    readonly node: string;
    readonly summary: string;
    readonly answers: { readonly usable: boolean };
    readonly reasons: readonly { readonly sinceMs: number | null }[];
  }[];
}

interface ServicePageProps {
  readonly name: string;
  readonly info: InfoJson | undefined;
}

const MAX_CARDS = 60;

export function ServicePage({ name, info }: ServicePageProps): VNode {
  const { services } = useCluster();
  const instances = services.get(name.toLowerCase())?.instances ?? [];
  const key = instances.map(({ id, status }) => id + status).join();
  const why = usePolled<WhyServiceJson>(`/v1/hearsay/why?service=${segment(name)}`, 5000, key);
  const checks = usePolled<readonly CheckJson[]>(`/v1/health/checks/${segment(name)}`, 5000, key);
  const summaries = new Map(why.data?.instances.map((one) => [keyOf(one), one]));
  const summaryOf = (one: LiveInstance) => summaries.get(keyOf(one));
  const checksOf = ({ node, id }: LiveInstance): readonly CheckJson[] =>
    checks.data?.filter(({ Node, ServiceID }) => Node === node && ServiceID === id) ?? [];
  const order = (one: LiveInstance): number => Number(summaryOf(one)?.answers.usable ?? false);
  const sorted = [...instances].sort((a, b) => order(a) - order(b) || a.node.localeCompare(b.node));
  return html`<div class="view">
    <section>
      <p class="crumb"><a href="/ui/services">Services</a></p>
      <h1>${name}</h1>
      <p class="quiet">${toSentence(why.data?.summary ?? plural(instances.length, 'instance'))}</p>
      <${Failure} error=${why.error} />
    </section>
    <section aria-labelledby="dns">
      <h2 id="dns">In DNS and HTTP</h2>
      <div class="names">
        ${namesInDns(name, info).map((text) => html`<${Copyable} key=${text} text=${text} />`)}
        <${Copyable} text=${`/v1/health/service/${segment(name)}?passing`} />
      </div>
    </section>
    <${Matrix} name=${name} instances=${sorted} sinceOf=${(one: LiveInstance) => summaryOf(one)?.reasons[0]?.sinceMs} />
    <section aria-labelledby="instances">
      <h2 id="instances">${plural(instances.length, 'instance')}</h2>
      <div class="stack">${sorted
        .slice(0, MAX_CARDS)
        .map(
          (one) =>
            html`<${Instance} key=${keyOf(one)} one=${one} summary=${summaryOf(one)?.summary} checks=${checksOf(one)} />`,
        )}</div>
      ${sorted.length > MAX_CARDS && html`<p class="note">The first ${MAX_CARDS} of ${sorted.length}, those out of results first.</p>`}
    </section>
  </div>`;
}

const keyOf = ({ node, id }: Pick<LiveInstance, 'node' | 'id'>): string => `${node} ${id}`;

/** The first domain, plainly and as RFC 2782 writes it. */
function namesInDns(name: string, info: InfoJson | undefined): string[] {
  const [domain] = info?.domains ?? [];
  if (domain === undefined || info?.address.dns === null) return [];
  return [`${name}.service.${domain}`, `_${name}._tcp.service.${domain}`];
}

interface InstanceProps {
  readonly one: LiveInstance;
  readonly summary: string | undefined;
  readonly checks: readonly CheckJson[];
}

function Instance({ one, summary, checks }: InstanceProps): VNode {
  const { id, node, address, port, ports, status, tags, meta, weights, rtt, zone } = one;
  const isBad = checks.some(({ Status }) => Status !== 'passing');
  const facts = [
    ['Address', `${address}:${port}`],
    ['Node', html`<a href=${nodePath(node)}>${node}</a>`],
    ...Object.entries(ports ?? {}).map(([name, value]) => [`Port ${name}`, String(value)] as const),
    ['Weight', `${weights.passing}, ${weights.warning} in warning`],
    ...(rtt === null || rtt === 0 ? [] : [['Round trip', formatMillis(rtt)] as const]),
    ...(zone === null ? [] : [['Zone', zone] as const]),
    ...(tags.length === 0 ? [] : [['Tags', html`<${Chips} words=${tags} />`] as const]),
    ...(Object.keys(meta).length === 0 ? [] : [['Meta', html`<${Chips} words=${toPairs(meta)} />`] as const]),
  ];
  return html`<article class="card" aria-label=${id}>
    <h3><${State} state=${status} /> ${id}</h3>
    ${summary !== undefined && html`<p>${toSentence(summary)}</p>`}
    <${FactList} facts=${facts} />
    ${checks.length > 0 && html`<details open=${isBad}><summary>${plural(checks.length, 'check')}</summary><${CheckList} checks=${checks} /></details>`}
  </article>`;
}
