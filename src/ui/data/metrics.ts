/** Figures from `/v1/agent/metrics`. */

export interface MetricsJson {
  readonly Gauges: readonly MetricValue[];
  readonly Counters: readonly MetricValue[];
}

interface MetricValue {
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Value?: number;
  readonly Sum?: number;
}

/** The sum of a counter over all its labels. */
const counterOf = (metrics: MetricsJson, name: string): number =>
  metrics.Counters.filter(({ Name }) => Name === name).reduce((sum, { Sum = 0 }) => sum + Sum, 0);

export const gaugeOf = (
  metrics: MetricsJson,
  name: string,
  label: string,
  value: string,
): number | undefined =>
  metrics.Gauges.find(({ Name, Labels }) => Name === name && Labels[label] === value)?.Value;

export interface Sample {
  readonly at: number;
  readonly metrics: MetricsJson;
}

/** How fast a counter grows per second between two samples; a restart of the agent counts as no growth. */
export function ratePerSecond(name: string, before: Sample | undefined, after: Sample): number | undefined {
  if (before === undefined || after.at <= before.at) return undefined;
  const grown = counterOf(after.metrics, name) - counterOf(before.metrics, name);
  return Math.max(0, (1000 * grown) / (after.at - before.at));
}
