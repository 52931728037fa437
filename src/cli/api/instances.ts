/** Service instances from Consul's health shape, each with one overall status. */
import { joinHostPort } from '../../base/address.ts';
import type { HealthCheck, ServiceEntry } from './schemas.ts';

export interface InstanceRow {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly port: number;
  readonly status: string;
  readonly tags: readonly string[];
}

export const toInstanceRow = ({ Node, Service, Checks }: ServiceEntry): InstanceRow => ({
  id: Service.ID,
  node: Node.Node,
  address: Service.Address === '' ? Node.Address : Service.Address,
  port: Service.Port,
  status: aggregateStatus(Checks),
  tags: Service.Tags ?? [],
});

/** `host:port`, or the host alone if the port is 0. */
export const formatEndpoint = ({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): string => (port > 0 ? joinHostPort(address, port) : address);

/**
 * Maintenance first, then draining, then the worst check; passing if there is no check. Source: Consul HTTP API, "Get
 * local service health".
 */
function aggregateStatus(checks: readonly HealthCheck[]): string {
  const has = (test: (check: HealthCheck) => boolean): boolean => checks.some(test);
  if (has(({ CheckID: id }) => id === '_node_maintenance' || id.startsWith('_service_maintenance:')))
    return 'maintenance';
  if (has(({ CheckID: id }) => id.startsWith('_service_draining:'))) return 'draining';
  return ['critical', 'warning'].find((status) => has((check) => check.Status === status)) ?? 'passing';
}
