/** Rows of the event stream, and a service whose agent is the test. */
import { DiscoveredService, type DiscoverOptions } from '../../../src/client/discovered-service.ts';
import { DiscoveredInstance, type StreamedInstance } from '../../../src/client/instance.ts';

export const row = (id: string, changes: Partial<StreamedInstance> = {}): StreamedInstance => ({
  ...{ id, node: 'ann', address: '127.35.1.1', port: 80, ports: {}, weights: { passing: 1, warning: 1 } },
  ...{ tags: [], meta: {}, zone: null, rtt: null, status: 'passing', draining: false },
  ...changes,
});

export function discovered(one: StreamedInstance): DiscoveredInstance {
  const instance = new DiscoveredInstance(one, () => undefined);
  instance.update(one);
  return instance;
}

/** `probe` answers probes of instances that were ejected. */
export function serviceOf(
  rows: readonly StreamedInstance[] | undefined,
  options: DiscoverOptions = {},
  probe: () => Promise<boolean> = async () => true,
) {
  const source = {
    ...{ current: true, lastCurrentAt: 0, clock: 0, firstEjection: 1, probe },
    now: (): number => source.clock,
    release: (): void => undefined,
  };
  const service = new DiscoveredService('web', options, source);
  if (rows !== undefined) service.update(rows, null);
  return { service, source };
}
