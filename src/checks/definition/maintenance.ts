/**
 * Maintenance mode as a critical check. Clients compare its ids, names and texts literally.
 *
 * Source: Consul agent/agent.go, EnableServiceMaintenance, EnableNodeMaintenance.
 */
import { type CheckDefinition, type LocalCheck, NODE_MAINTENANCE, SERVICE_MAINTENANCE } from '../types.ts';

/** `service` is `''` for the node. */
export const maintenanceCheckId = (service: string): string =>
  service === '' ? NODE_MAINTENANCE : `${SERVICE_MAINTENANCE}${service}`;

export function maintenanceCheck(service: string, reason: string): LocalCheck {
  const what = service === '' ? 'node' : 'service';
  const definition: CheckDefinition = {
    id: maintenanceCheckId(service),
    name: service === '' ? 'Node Maintenance Mode' : 'Service Maintenance Mode',
    notes:
      reason ||
      `Maintenance mode is enabled for this ${what}, but no reason was provided. This is a default message.`,
    serviceId: service,
    probe: { kind: 'maintenance' },
    interval: 0,
    timeout: 0,
    initial: 'critical',
    successBeforePassing: 1,
    failuresBeforeWarning: 1,
    failuresBeforeCritical: 1,
    deregisterCriticalAfter: 0,
    outputMaxBytes: 0,
  };
  return { definition, status: 'critical', output: '', fromFile: false };
}
