/**
 * When to go back to the seeds, and to which. The rule alone: the shell follows it by its clock, the simulated world
 * by its own.
 */

import type { Seed } from '../contract/commands.ts';
import type { MemberView } from '../contract/view.ts';

/** Agents that knock in one round at most, on average, however large the cluster is. */
const MAX_REJOINERS = 32;

/** Alone, or somebody failed: perhaps it is we who were cut off. */
export const isPossiblyIsolated = (members: readonly MemberView[]): boolean =>
  countLive(members) <= 1 || members.some((one) => one.status === 'failed');

/**
 * Seeds at whose addresses no member lives that is up: behind them may be a part of the cluster that forgot us, as we
 * forgot it. None while all seeds are members, and none that does not resolve.
 */
export function seedsWithoutMember(seeds: readonly Seed[], members: readonly MemberView[]): Seed[] {
  const held = new Set<string>();
  for (const one of members) if (isUp(one)) held.add(one.address.key);
  return seeds.filter(({ addresses }) => addresses.length > 0 && !addresses.some(({ key }) => held.has(key)));
}

/** How likely a member of a cluster of this size should knock, so that large ones do not all run to one door. */
export const rejoinProbability = (members: readonly MemberView[]): number =>
  MAX_REJOINERS / countLive(members);

export const countLive = (members: readonly MemberView[]): number => members.filter(isUp).length;

const isUp = ({ status }: MemberView): boolean => status === 'alive' || status === 'suspect';
