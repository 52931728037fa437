/** What jobs and partitions ask of a member, and how long a change takes to reach all of them. */
import type { Millis } from '../../base/time.ts';
import type { CatalogView } from '../../catalog/types.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { SerfView } from '../../serf/types.ts';

/** The p99 of a change at 1,000 agents, with the default gossip interval (docs/performance.md). */
const MIN_SPREAD: Millis = 500;
/** The same in gossip intervals. */
const SPREAD_INTERVALS = 2.5;

export const spreadOf = ({ gossipInterval }: SwimConfig): Millis =>
  Math.max(MIN_SPREAD, SPREAD_INTERVALS * gossipInterval);

/** A member that is paused has said that its process ends. */
export function isRunning(serf: SerfView, node: string): boolean {
  const member = serf.get(node);
  if (member === undefined) return false;
  return (member.status === 'alive' || member.status === 'leaving') && member.member.absence === undefined;
}

/** Neither leaving, nor in maintenance, nor with a check of the node that is critical. */
export function isWell(
  { serf, catalog }: { readonly serf: SerfView; readonly catalog: CatalogView },
  node: string,
): boolean {
  const isMember = serf.get(node)?.status === 'alive' && isRunning(serf, node);
  return isMember && !(catalog.node(node)?.checks ?? []).some(({ status }) => status === 'critical');
}
