/** One instance of a service out of Consul's health shape, with the one status that people want to know. */
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
  status: worstOf(Checks),
  tags: Service.Tags ?? [],
});

/** `host:port`; the host alone where there is no port to dial. */
export const formatEndpoint = ({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): string => (port > 0 ? joinHostPort(address, port) : address);

/** An operator's word, else the owner's, else the worst of all; passing if there is none. Source: Consul HTTP API, "Get local service health". */
function worstOf(checks: readonly HealthCheck[]): string {
  const is = (test: (check: HealthCheck) => boolean): boolean => checks.some(test);
  if (is(({ CheckID: id }) => id === '_node_maintenance' || id.startsWith('_service_maintenance:')))
    return 'maintenance';
  if (is(({ CheckID: id }) => id.startsWith('_service_draining:'))) return 'draining';
  return ['critical', 'warning'].find((status) => is((check) => check.Status === status)) ?? 'passing';
}
