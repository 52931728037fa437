/**
 * How others see that a service is leased: by a check of it, which passes while its process holds the connection, and says
 * why it does not. Every reader of Consul's API understands a check.
 */
import { type CheckDefinition, SERVICE_LEASE } from '../types.ts';

export const leaseCheckId = (service: string): string => `${SERVICE_LEASE}${service}`;

export const leaseCheck = (service: string): CheckDefinition => ({
  id: leaseCheckId(service),
  name: 'Service Lease',
  notes: 'Passes while the process of the service holds its connection to the agent',
  serviceId: service,
  probe: { kind: 'lease' },
  interval: 0,
  timeout: 0,
  initial: 'passing',
  successBeforePassing: 1,
  failuresBeforeWarning: 1,
  failuresBeforeCritical: 1,
  deregisterCriticalAfter: 0,
  outputMaxBytes: 4096,
});
