/** The status of an instance, from its checks and from whether its owner is up (A16 in docs/replication.md). */

import { type Check, containerCheckId, isOfContainer, type Service } from '../model/service.ts';
import type { Instance, InstanceStatus } from './types.ts';

/**
 * The worst of all checks. Instances of an owner that is not up are critical, whatever it published last; maintenance
 * and draining take precedence over what checks find.
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

/** Clients compare these ids literally. Source: Consul structs, NodeMaint, ServiceMaintPrefix. */
export const isMaintenanceCheck = ({ id, type }: Check): boolean =>
  type === 'maintenance' || id === '_node_maintenance' || id.startsWith('_service_maintenance:');

/** It says whether the process of the instance holds its lease. */
export const isLeaseCheck = ({ type }: Check): boolean => type === 'lease';

/** It says how the container of the instance is. */
export const isContainerCheck = ({ id, serviceId }: Check): boolean =>
  isOfContainer(serviceId) && id === containerCheckId(serviceId);

export const isUsable = ({ status }: Instance): boolean => status === 'passing' || status === 'warning';
