/**
 * The rejoin policy: when to join again, and through which seeds. The shell and the simulated world follow it by their
 * own clocks.
 */
import type { Seed } from '../contract/commands.ts';
import type { MemberView } from '../contract/view.ts';

/** Agents that rejoin in one round, on average, however large the cluster is. */
const MAX_REJOINERS = 32;

/** Whether this agent is alone, or a member has failed: it may be this agent that was cut off. */
export const isPossiblyIsolated = (members: readonly MemberView[]): boolean =>
  countLive(members) <= 1 || members.some((one) => one.status === 'failed');

/**
 * Seeds that resolve, but not to the address of a live member: behind them may be a part of the cluster that has
 * dropped this agent, and that this agent has dropped.
 */
export function seedsWithoutMember(seeds: readonly Seed[], members: readonly MemberView[]): Seed[] {
  const live = new Set<string>();
  for (const member of members) if (isUp(member)) live.add(member.address.key);
  return seeds.filter(({ addresses }) => addresses.length > 0 && !addresses.some(({ key }) => live.has(key)));
}

/** The probability with which each agent should rejoin, so that a large cluster does not run to one seed at once. */
export const rejoinProbability = (members: readonly MemberView[]): number =>
  MAX_REJOINERS / countLive(members);

export const countLive = (members: readonly MemberView[]): number => members.filter(isUp).length;

const isUp = ({ status }: MemberView): boolean =>
  status === 'alive' || status === 'suspect' || status === 'away';
