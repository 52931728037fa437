/** Services and checks for tests. */
import type { Check, Service } from '../../../src/model/service.ts';

export const service = (id: string, over: Partial<Omit<Service, 'kind' | 'id'>> = {}): Service => ({
  kind: 'service',
  id,
  name: id.replace(/-\d+$/, ''),
  tags: [],
  address: '',
  port: 80,
  ports: [],
  taggedAddresses: new Map(),
  meta: new Map(),
  weights: { passing: 1, warning: 1 },
  enableTagOverride: false,
  draining: false,
  ...over,
});

export const check = (
  id: string,
  serviceId: string,
  over: Partial<Omit<Check, 'kind' | 'id' | 'serviceId'>> = {},
): Check => ({
  kind: 'check',
  id,
  name: id,
  status: 'passing',
  notes: '',
  output: '',
  serviceId,
  type: 'ttl',
  interval: '',
  timeout: '',
  ...over,
});
