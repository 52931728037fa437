/**
 * Formats metrics: as Prometheus' text, and as the JSON of Consul's `/v1/agent/metrics`.
 *
 * Source: Prometheus exposition format 0.0.4; Consul HTTP API, "View Metrics".
 */
import type { HistogramSample, Labels, MetricFamily } from '../../base/meter.ts';

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function formatPrometheus(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const family of families) {
    lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`);
    if (family.type === 'histogram')
      for (const sample of family.samples) lines.push(...formatHistogram(family, sample));
    else
      for (const { labels, value } of family.samples)
        lines.push(`${family.name}${formatLabels(family.labels, labels)} ${formatNumber(value)}`);
  }
  return `${lines.join('\n')}\n`;
}

function formatHistogram(
  { name, labels: names }: MetricFamily,
  { labels, buckets, count, sum }: HistogramSample,
): string[] {
  const bucket = (upTo: string, observed: number): string =>
    `${name}_bucket${formatLabels([...names, 'le'], [...labels, upTo])} ${observed}`;
  const own = formatLabels(names, labels);
  return [
    ...buckets.map((one) => bucket(formatNumber(one.upTo), one.count)),
    bucket('+Inf', count),
    `${name}_sum${own} ${formatNumber(sum)}`,
    `${name}_count${own} ${count}`,
  ];
}

function formatLabels(names: Labels, values: Labels): string {
  if (names.length === 0) return '';
  return `{${names.map((name, i) => `${name}="${escapeLabelValue(values[i] ?? '')}"`).join(',')}}`;
}

/** Source: S17 (docs/security.md). */
const escapeLabelValue = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

const formatNumber = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);

/**
 * `Count` is a whole number, since Go's clients decode it as `int`; `Sum` has the fraction.
 *
 * Differs: totals since the start, where Consul reports its last ten seconds; `Rate` is the mean since the start.
 */
export function formatConsulMetrics(
  families: readonly MetricFamily[],
  upSeconds: number,
  now: number,
): unknown {
  const gauges: unknown[] = [];
  const counters: unknown[] = [];
  const samples: unknown[] = [];
  const rate = (sum: number): number => sum / Math.max(1, upSeconds);
  for (const family of families) {
    const head = (labels: Labels): { Name: string; Labels: Record<string, string> } => ({
      Name: family.name,
      Labels: Object.fromEntries(family.labels.map((name, i) => [name, labels[i] ?? ''])),
    });
    if (family.type === 'histogram')
      for (const sample of family.samples)
        samples.push({ ...head(sample.labels), ...summarize(sample), Rate: rate(sample.sum) });
    else if (family.type === 'gauge')
      for (const { labels, value } of family.samples) gauges.push({ ...head(labels), Value: value });
    else
      for (const { labels, value } of family.samples)
        counters.push({ ...head(labels), Count: Math.trunc(value), Sum: value, Rate: rate(value) });
  }
  const Timestamp = `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
  return { Timestamp, Gauges: gauges, Points: [], Counters: counters, Samples: samples };
}

function summarize({ count, sum, squares, min, max }: HistogramSample): Record<string, number> {
  const mean = sum / count;
  const variance = count < 2 ? 0 : Math.max(0, (squares - sum * mean) / (count - 1));
  return { Count: count, Sum: sum, Min: min, Max: max, Mean: mean, Stddev: Math.sqrt(variance) };
}
