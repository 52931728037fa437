/** Definitions of services and checks for stories and workloads. */
import type { Millis } from '../../base/time.ts';
import type { CheckDefinition } from '../../checks/types.ts';
import type { ServiceDefinition } from '../../model/service.ts';

/** `web-1` is an instance of `web`. */
export const makeService = (
  id: string,
  overrides: Partial<Omit<ServiceDefinition, 'id'>> = {},
): ServiceDefinition => ({
  id,
  name: id.replace(/-\d+$/, ''),
  tags: [],
  address: '',
  port: 8080,
  ports: [],
  taggedAddresses: new Map(),
  meta: new Map(),
  weights: { passing: 1, warning: 1 },
  enableTagOverride: false,
  ...overrides,
});

/** A day, which no run lasts, so that the check never expires. */
const LONG: Millis = 86_400_000;

/** A TTL check of a service, or of the node if `serviceId` is empty. */
export const makeTtlCheck = (
  id: string,
  serviceId: string,
  overrides: Partial<Omit<CheckDefinition, 'id' | 'serviceId' | 'probe'>> & { readonly ttl?: Millis } = {},
): CheckDefinition => {
  const { ttl = LONG, ...fields } = overrides;
  return {
    id,
    name: id,
    notes: '',
    serviceId,
    probe: { kind: 'ttl', ttl },
    interval: 0,
    timeout: 0,
    initial: 'passing',
    successBeforePassing: 1,
    failuresBeforeWarning: 1,
    failuresBeforeCritical: 1,
    deregisterCriticalAfter: 0,
    outputMaxBytes: 4096,
    ...fields,
  };
};

/** A check that runs at intervals against a target of its own. */
export const makeScheduledCheck = (
  id: string,
  serviceId: string,
  overrides: Partial<Omit<CheckDefinition, 'id' | 'serviceId' | 'probe'>>,
): CheckDefinition => ({
  ...makeTtlCheck(id, serviceId, { interval: 2000, timeout: 1000, ...overrides }),
  probe: { kind: 'tcp', target: `${id}:80`, tls: false, tlsServerName: '', tlsSkipVerify: false },
});

/** A check that says the worst of what another service of the node has; of the node itself if `target` is empty. */
export const makeAliasCheck = (
  id: string,
  serviceId: string,
  target: string,
  overrides: Partial<Omit<CheckDefinition, 'id' | 'serviceId' | 'probe'>>,
): CheckDefinition => ({
  ...makeTtlCheck(id, serviceId, overrides),
  probe: { kind: 'alias', serviceId: target },
});

/** Meta that does not fit into one packet, and that differs for different `text`. */
export const makeLargeMeta = (text: string, bytes = 4000): ReadonlyMap<string, string> =>
  new Map(
    Array.from({ length: Math.ceil(bytes / 500) }, (_, i) => [
      `bulk-${i}`,
      `${text} `.repeat(500).slice(0, 500),
    ]),
  );
