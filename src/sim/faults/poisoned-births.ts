/**
 * Births from poisoned snapshots: an agent is given what its disk could hold after it, or whoever it believed, was led astray. Each
 * value is one that the shell reads back; what is made of it is the agent's business.
 */
import type { PreviousNode, Snapshot } from '../../agent/contract/machine.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import { decodeCatalogSnapshot, encodeCatalogSnapshot } from '../../wire/catalog.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { type FaultDefinitions, restartHost } from './fault.ts';
import { FAKE_NAME_PREFIX } from './forgeries.ts';

export interface PoisonedBirthFaults {
  /** The process dies, its files are poisoned, and it starts again from them. */
  poisonedBirth: { readonly host: string; readonly newAddress: boolean; readonly seed: number };
}

export const poisonedBirthFaults: FaultDefinitions<PoisonedBirthFaults> = {
  poisonedBirth: {
    maxSpan: 10_000,
    draw: ({ rng, host, oneIn }) => ({ host: host(), newAddress: oneIn(4), seed: rng.int(2 ** 31) }),
    inject: (world, { host, newAddress, seed }, over) => {
      world.stop(host);
      over(() => {
        if (world.host(host).running) return;
        poisonDisk(world, world.host(host), createRng(seed));
        restartHost(world, host, { restore: true, newAddress });
      });
    },
  },
};

const INCARNATIONS = [0, 1, 2 ** 20, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1] as const;
const TIMES = [0, 1, 1000, 2 ** 20, 2 ** 32 - 1, 2 ** 52, Number.MAX_SAFE_INTEGER] as const;
const EPOCHS = [0, 1, 2 ** 50, 2 ** 52 - 2 ** 47, 2 ** 52 - 1, 2 ** 52, Number.MAX_SAFE_INTEGER] as const;
const VERSIONS = [0, 1, 2 ** 24, 2 ** 32 + 1, 2 ** 52 - 1] as const;
const MOMENTS = [-1e18, 0, 1e12, 1e15, 1e18] as const;

/** Poisons about half of the values of each file. */
function poisonDisk(world: World, host: SimHost, rng: Rng): void {
  const names = [...world.hosts].map(({ name }) => name);
  const { snapshot, catalog } = host.disk;
  const saved = snapshot ?? { incarnation: 1, clocks: { member: 1, event: 1, query: 1 }, peers: [] };
  const foreign = [FAKE_NAME_PREFIX, host.name.toUpperCase(), `${host.name}\u200b`, '', ...names];
  host.disk.replace(
    poisonSnapshot(saved, foreign, rng),
    catalog === undefined ? undefined : poisonCatalog(catalog, foreign, rng),
    world.now,
  );
}

export function poisonSnapshot(saved: Snapshot, names: readonly string[], rng: Rng): Snapshot {
  const pick = <T>(values: readonly T[]): T => values[rng.int(values.length)] as T;
  const or = <T>(value: T, values: readonly T[]): T => (rng.int(2) === 0 ? value : pick(values));
  const addresses = [...saved.peers.map(({ addr }) => addr), '', 'x:0', '0.0.0.0:0', '10.255.0.1:7946'];
  const stranger = (): PreviousNode => ({ name: pick(names), addr: pick(addresses), down: rng.int(2) === 0 });
  const { incarnation, clocks, peers, epoch = 1, at = 0 } = saved;
  const strangers = Array.from({ length: rng.int(5) }, stranger);
  return {
    ...saved,
    incarnation: or(incarnation, INCARNATIONS),
    clocks: {
      member: or(clocks.member, TIMES),
      event: or(clocks.event, TIMES),
      query: or(clocks.query, TIMES),
    },
    peers: rng.int(3) === 0 ? strangers : [...peers.filter(() => rng.int(4) > 0), ...strangers],
    epoch: or(epoch, EPOCHS),
    at: or(at, MOMENTS),
    left: rng.int(4) === 0,
  };
}

/** Bytes that mean nothing are for the checksum of the file: what an agent is given can be read. */
export function poisonCatalog(saved: Uint8Array, names: readonly string[], rng: Rng): Uint8Array {
  const pick = <T>(values: readonly T[]): T => values[rng.int(values.length)] as T;
  const poisonedEpoch = (): number => Math.max(1, Math.min(2 ** 52 - 1, pick(EPOCHS)));
  const { owner, epoch, version, ledgers } = decodeCatalogSnapshot(saved);
  const poisoned = ledgers.map((ledger) => {
    const lowest = ledger.entries.reduce((max, entry) => Math.max(max, entry.version), ledger.swept);
    return {
      ...ledger,
      owner: rng.int(4) === 0 ? pick(names) || owner : ledger.owner,
      epoch: rng.int(2) === 0 ? ledger.epoch : poisonedEpoch(),
      to: rng.int(2) === 0 ? Math.max(lowest, ledger.to) : Math.max(lowest, pick(VERSIONS)),
    };
  });
  return encodeCatalogSnapshot({
    owner: rng.int(4) === 0 ? pick(names) || owner : owner,
    epoch: rng.int(2) === 0 ? epoch : poisonedEpoch(),
    version,
    ledgers: poisoned,
  });
}
