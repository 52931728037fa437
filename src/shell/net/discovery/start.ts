/** `discover`: what is found on the LAN becomes seeds of this agent. */
import type { Logger } from 'pino';
import type { View } from '../../../agent/contract/view.ts';
import { type Address, isUnspecified } from '../../../base/address.ts';
import type { Meter } from '../../../base/meter.ts';
import type { Discovery } from './discovery.ts';

export interface LanDiscoveryOptions {
  /** The cluster name to announce and to look for; `undefined`: neither. */
  readonly cluster: string | undefined;
  readonly view: Pick<View, 'node' | 'address'>;
  readonly bound: Address;
  readonly logger: Logger;
  readonly meter: Meter;
  setDiscovered(seeds: readonly string[]): void;
}

/** Never rejects: an agent runs without what cannot be opened. The package is loaded only where it is used. */
export async function startLanDiscovery(options: LanDiscoveryOptions): Promise<Discovery | undefined> {
  const { cluster, view, bound, logger, meter } = options;
  if (cluster === undefined) return undefined;
  const dropped = meter.counter(
    'hearsay_discovery_dropped_packets_total',
    'Packets of multicast DNS that were malformed or too many.',
  );
  const troubles = new Set<string>();
  const { startDiscovery } = await import('./discovery.ts');
  return startDiscovery({
    announcement: () => ({ cluster, node: view.node, address: view.address }),
    interface: isUnspecified(bound.ip) || bound.host.includes(':') ? undefined : bound.host,
    onFound: (addresses) => {
      logger.info({ addresses: addresses.length }, 'discover: found agents on the LAN');
      options.setDiscovered(addresses);
    },
    onFailed: (code) =>
      logger.warn(
        { code },
        'discover: multicast DNS cannot be used, so nobody is found by it; check that UDP port 5353 is free or shared, or give --retry-join instead',
      ),
    onTrouble: (code) => {
      if (troubles.has(code)) return;
      troubles.add(code);
      logger.warn({ code }, 'discover: multicast DNS does not work on some interface, will retry');
    },
    onDropped: () => dropped.add([], 1),
  });
}
