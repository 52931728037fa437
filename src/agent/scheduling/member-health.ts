/** What jobs and partitions ask of a member. */
import type { CatalogView } from '../../catalog/types.ts';
import { hasCatalog } from '../../model/capability.ts';
import type { JobDefinition } from '../../model/job.ts';
import type { SerfView } from '../../serf/types.ts';

/**
 * A member that is paused has said that its process ends. If a plain Serf agent has the name now, the agent that published what this
 * catalog holds has ended, and nobody will withdraw that.
 */
export function isRunning(serf: SerfView, node: string): boolean {
  const member = serf.get(node);
  if (member === undefined || !hasCatalog(member.tags)) return false;
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

/** Why it runs no job of this place, to be read after its name; `undefined`: nothing is against it. */
export function reasonAgainst(
  { serf, catalog }: { readonly serf: SerfView; readonly catalog: CatalogView },
  node: string,
  { service, tag }: JobDefinition['place'],
): string | undefined {
  const member = serf.get(node);
  if (member === undefined || member.status === 'left') return 'had left';
  if (member.status === 'failed') return 'had failed';
  if (member.status === 'leaving') return 'was leaving';
  if (!hasCatalog(member.tags)) return 'was a plain Serf agent';
  if (!isRunning(serf, node)) return 'was paused';
  const critical = (catalog.node(node)?.checks ?? []).filter((check) => check.status === 'critical');
  if (critical.some(({ type }) => type === 'maintenance')) return 'was in maintenance';
  const [first] = critical;
  if (first !== undefined) return `had the critical check ${first.name === '' ? first.id : first.name}`;
  if (service === undefined) return tag === undefined ? undefined : `had no tag ${tag}`;
  const own = catalog.instances(service).filter((one) => one.node === node);
  if (own.length === 0) return `had no instance of ${service}`;
  return own.every((one) => one.service.draining) ? 'was draining' : `had no usable instance of ${service}`;
}
