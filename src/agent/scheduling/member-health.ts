/** What jobs and partitions ask of a member. */
import type { CatalogView } from '../../catalog/types.ts';
import type { SerfView } from '../../serf/types.ts';

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
