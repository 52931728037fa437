/** How well an instance is, from what its owner says and from whether the owner is there to say it. */

import type { Check, Service } from '../model/service.ts';
import type { Instance, InstanceStatus } from './types.ts';

/**
 * The worst of all. An owner that is not up cannot vouch for anything, so its instances are critical whatever they
 * said last; the owner's and the operator's own word to stay out comes before what checks find.
 */
export function instanceStatus(
  service: Service,
  checks: readonly Check[],
  nodeChecks: readonly Check[],
  up: boolean,
): InstanceStatus {
  if (!up) return 'critical';
  if (checks.some(isMaintenanceCheck) || nodeChecks.some(isMaintenanceCheck)) return 'maintenance';
  if (service.draining) return 'draining';
  let worst: InstanceStatus = 'passing';
  for (const list of [checks, nodeChecks])
    for (const { status } of list) {
      if (status === 'critical') return 'critical';
      if (status === 'warning') worst = 'warning';
    }
  return worst;
}

/** Source: Consul's fixed ids, which clients compare literally. */
export const isMaintenanceCheck = ({ id, type }: Check): boolean =>
  type === 'maintenance' || id === '_node_maintenance' || id.startsWith('_service_maintenance:');

/** Should it be used? */
export const isUsable = ({ status }: Instance): boolean => status === 'passing' || status === 'warning';
