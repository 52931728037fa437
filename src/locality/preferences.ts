/** What a plan means for single instances: a priority and a weight, as SRV has them (RFC 2782). */
import type { ZonePlan } from './zone-planner.ts';

export interface Preference {
  /** Instances of priority 1 get the traffic; those of the next get it when none of these is reached. */
  readonly priority: number;
  /** Its share relative to the others of its priority. */
  readonly weight: number;
}

export interface WeighedInstance {
  readonly zone: string | null;
  /** What it is registered with, in its present status. */
  readonly weight: number;
}

/** Where several zones share the traffic weights are written anew, and this is the largest of them. */
const LARGEST_WEIGHT = 1000;

/** One preference for each instance, in their order. Without a plan they are all the same, and weigh what they are registered with. */
export function toPreferences(
  plan: ZonePlan | undefined,
  instances: readonly WeighedInstance[],
): readonly Preference[] {
  if (plan === undefined) return instances.map(({ weight }) => ({ priority: 1, weight }));
  const shares = new Map(plan.zones.map((one) => [one.zone, one]));
  const sums = new Map<string, number>();
  for (const { zone, weight } of instances)
    if (shares.get(zone ?? '')?.priority === 1) sums.set(zone ?? '', (sums.get(zone ?? '') ?? 0) + weight);
  const isSplit = [...sums.values()].filter((sum) => sum > 0).length > 1;
  const parts = instances.map(({ zone, weight }) => {
    const { share = 0, priority = plan.zones.length + 1 } = shares.get(zone ?? '') ?? {};
    const part = weight > 0 ? (weight * share) / (sums.get(zone ?? '') ?? 1) : 0;
    return { priority, weight, part };
  });
  const largest = parts.reduce((most, { part }) => Math.max(most, part), 0);
  return parts.map(({ priority, weight, part }) => ({
    priority,
    weight: isSplit && part > 0 ? Math.max(1, Math.round((part / largest) * LARGEST_WEIGHT)) : weight,
  }));
}
