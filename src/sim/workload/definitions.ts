/** Services and checks as somebody might register them, with as few words as a story needs. */
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
  taggedAddresses: new Map(),
  meta: new Map(),
  weights: { passing: 1, warning: 1 },
  enableTagOverride: false,
  ...overrides,
});

/** A day: long enough for any story in which nobody should think of it. */
const LONG: Millis = 86_400_000;

/** A TTL check; `serviceId` `''` makes it one of the node. */
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

/** More meta than one packet holds, and not twice the same for different `words`. */
export const makeLargeMeta = (text: string, bytes = 4000): ReadonlyMap<string, string> =>
  new Map(
    Array.from({ length: Math.ceil(bytes / 500) }, (_, i) => [
      `bulk-${i}`,
      `${text} `.repeat(500).slice(0, 500),
    ]),
  );
