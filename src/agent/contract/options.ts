/** What an agent is born with. */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { Intern } from '../../catalog/catalog.ts';
import type { SerfConfig, SwimConfig } from '../../config/protocol.ts';
import type { Identity } from '../../swim/types.ts';
import type { WireCodec } from './codec.ts';
import type { Snapshot } from './machine.ts';

/** Everything an agent is born with. After this only `handle` reaches it. */
export interface AgentOptions {
  readonly name: string;
  /** What others dial; 4 octets for IPv4. */
  readonly address: Address;
  readonly tags: ReadonlyMap<string, string>;
  readonly swim: SwimConfig;
  readonly serf: SerfConfig;
  /** Gossip keys of 16, 24 or 32 bytes, primary first; empty: plaintext. */
  readonly keys: readonly Uint8Array[];
  /** Keys that change are to be kept: emit `keepKeys` effects, and wait for `keysKept`. */
  readonly persistsKeys?: boolean;
  /** memberlist label; empty: none. */
  readonly label: string;
  readonly rng: Rng;
  /** Fresh random 12 octets at each call. */
  readonly nonce: () => Uint8Array;
  /** What was remembered last time. */
  readonly snapshot?: Snapshot;
  /** What was remembered of others' services: the bytes of the last `rememberCatalog`. */
  readonly catalog?: Uint8Array;
  /** Emit `remember` and `rememberCatalog` effects: there is somewhere to keep them. */
  readonly persistsSnapshots?: boolean;
  /**
   * Wall-clock milliseconds at birth, any number of at least 1 in a world: seed of the readers' indexes and of our
   * ledger's epoch. Nothing is decided by it later on.
   */
  readonly startedAt: number;
  /** Checks may start programs if they come from a file of the owner. */
  readonly allowExec?: boolean;
  /** Lets many agents of one process share identities. */
  readonly intern?: (identity: Identity) => Identity;
  /** Likewise for equal copies of one owner's entries. */
  readonly internEntries?: Intern;
  /** What stands between the wire and the doors; absent: nothing, the wire itself. */
  readonly codec?: WireCodec;
  readonly now: Millis;
}
