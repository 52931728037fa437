/** How this agent is: its health score, its queues and what it sends. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { gaugeOf, type MetricsJson, ratePerSecond, type Sample } from '../data/metrics.ts';
import type { InfoJson } from '../data/types.ts';
import { usePolled } from '../parts/hooks.ts';
import { FactList } from '../parts/pieces.ts';
import { formatBytes, formatMillis, toAge } from '../parts/text.ts';

const INTERVAL = 2000;

export function AgentFigures({ info }: { readonly info: InfoJson }): VNode {
  const { before, after } = useSamples();
  const rate = (name: string, format: (value: number) => string): string => {
    const value = after && ratePerSecond(`hearsay_${name}_total`, before, after);
    return value === undefined ? '…' : format(value);
  };
  const traffic = (what: string, format: (value: number) => string): string =>
    `${rate(`${what}_sent`, format)} sent, ${rate(`${what}_received`, format)} received a second`;
  const late = after && gaugeOf(after.metrics, 'hearsay_tick_lateness_seconds', 'quantile', '0.999');
  const waiting = Object.values(info.lanes).reduce((sum, count) => sum + count, 0);
  const { awareness } = info.health;
  return html`<section aria-labelledby="agent">
    <h2 id="agent">This agent, ${info.node}</h2>
    <${FactList} facts=${[
      ['Health score', awareness === 0 ? '0, healthy' : `${awareness}, unwell: its own probes are slower`],
      ['Running for', toAge(info.uptimeMs)],
      ['Late turns', late === undefined ? '…' : `99.9 % within ${formatMillis(1000 * late)}`],
      ['Messages waiting', String(waiting)],
      ['Packets', traffic('packets', toTenths)],
      ['Bytes', traffic('bytes', formatBytes)],
      ['Memory', formatBytes(info.memory.rssBytes)],
      ['Gossip', info.encrypted ? 'encrypted' : 'not encrypted'],
      ['Gossip address', info.address.gossip],
      ['HTTP', info.address.http],
      ['DNS', info.address.dns ?? 'off'],
      ['Version', info.version],
    ]} />
  </section>`;
}

const toTenths = (value: number): string => value.toFixed(1);

/** The last two samples of the metrics. */
function useSamples(): { readonly before: Sample | undefined; readonly after: Sample | undefined } {
  const { data, at } = usePolled<MetricsJson>('/v1/agent/metrics', INTERVAL);
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (data !== undefined) setSamples((all) => [...all, { at, metrics: data }].slice(-2));
  }, [data, at]);
  const after = samples.at(-1);
  return { before: samples.length > 1 ? samples[0] : undefined, after };
}
