/** Rows of the event stream, and a service whose agent is the test. */
import { DiscoveredService, type DiscoverOptions } from '../../../src/client/discovered-service.ts';
import { DiscoveredInstance, type StreamedInstance } from '../../../src/client/instance.ts';
import { preferenceBy } from '../../../src/client/zone-preference.ts';

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
  const time = {
    clock: 0,
    alarm: undefined as { readonly call: () => void; readonly at: number } | undefined,
  };
  const now = (): number => time.clock;
  const later = (call: () => void, delay: number): (() => void) => {
    time.alarm = { call, at: time.clock + delay };
    return () => {
      time.alarm = undefined;
    };
  };
  const source = Object.assign(time, {
    ...{ current: true, lastCurrentAt: 0, firstEjection: 1, probe, now },
    release: (): void => undefined,
    createPreference: preferenceBy(0.5, 30_000, { now, later }),
  });
  const service = new DiscoveredService('web', options, source);
  if (rows !== undefined) service.update(rows, null);
  return { service, source };
}
