/** The options that an agent is created with. */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { Intern } from '../../catalog/options.ts';
import type { SerfConfig, SwimConfig } from '../../config/protocol.ts';
import type { ConfiguredJob } from '../../jobs/types.ts';
import type { ZoneSettings } from '../../locality/zone-planner.ts';
import type { Identity } from '../../swim/types.ts';
import type { WireCodec } from './codec.ts';
import type { Snapshot } from './machine.ts';

/**
 * How long an agent remembers what is gone. These are no settings, since members rely on each other's; a simulated world
 * shortens them so that they end while it lasts.
 */
export interface RetentionTimes {
  /** Tombstones of the catalog; an hour by default. */
  readonly tombstones: Millis;
  /** Members whose rows were dropped; ten minutes by default. */
  readonly droppedMembers: Millis;
  /** Restored nodes that no member confirms; a minute by default. */
  readonly restoredNodes: Millis;
}

/** Everything that an agent starts with. After this only `handle` reaches it. */
export interface AgentOptions {
  readonly name: string;
  /** The advertised address, which other members dial; 4 octets for IPv4. */
  readonly address: Address;
  readonly tags: ReadonlyMap<string, string>;
  readonly swim: SwimConfig;
  readonly serf: SerfConfig;
  /** Gossip keys of 16, 24 or 32 bytes, primary first; empty: plaintext. */
  readonly keys: readonly Uint8Array[];
  /** Whether changed keys are stored: by a `storeKeys` effect, whose `keysStored` is waited for. */
  readonly persistsKeys?: boolean;
  /** memberlist's label; empty: none. */
  readonly label: string;
  readonly rng: Rng;
  /** Returns 12 fresh random octets at each call. */
  readonly nonce: () => Uint8Array;
  /** The last `saveSnapshot`. */
  readonly snapshot?: Snapshot;
  /** The bytes of the last `saveCatalog`. */
  readonly catalog?: Uint8Array;
  /** Whether the agent will be told to join seeds, whose catalog readers should wait for. */
  readonly hasSeeds?: boolean;
  /** Whether there is a data directory, and so `saveSnapshot` and `saveCatalog` effects. */
  readonly persistsSnapshots?: boolean;
  /**
   * Wall-clock milliseconds at the start, in a simulated world any number of at least 1. Readers' indexes and our
   * ledger's epoch begin with it, and jobs reckon their ticks from it.
   */
  readonly startedAt: number;
  /** Whether checks may start programs if they come from a file of the agent's owner. */
  readonly allowExec?: boolean;
  /** Jobs of the configuration, and the commands of those that have one. */
  readonly jobs?: readonly ConfiguredJob[];
  /** Lets many agents in one process share equal identities. */
  readonly intern?: (identity: Identity) => Identity;
  /** Lets many agents in one process share equal entries of one owner. */
  readonly internEntries?: Intern;
  readonly retention?: Partial<RetentionTimes>;
  /** How far readers prefer this agent's availability zone. */
  readonly zones?: ZoneSettings;
  /** The codec in place of wire/ itself. */
  readonly codec?: WireCodec;
  readonly now: Millis;
}
