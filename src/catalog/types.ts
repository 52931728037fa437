/**
 * The words of this room: what an owner publishes, how it travels, and what readers see. An owner is a member that
 * writes its own ledger; everyone else copies.
 */

import type { Millis } from '../base/time.ts';
import type { Check, CheckStatus, Entry, EntryKey, Published, Service } from '../model/service.ts';

/** One owner's entries from `from` (exclusive) to `to`. From 0 it is the whole ledger. Never cut inside. */
export interface Delta {
  readonly owner: string;
  /** Chosen by the owner at birth; a larger one replaces everything. */
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  /** Tombstones at or below this version are gone from the sender's copy. */
  readonly swept: number;
  readonly entries: readonly Entry[];
}

/** How far a copy of one owner's ledger goes. */
export interface Progress {
  readonly owner: string;
  readonly epoch: number;
  readonly version: number;
}

/** `maintenance` is critical by an operator's word; `draining` is out by the owner's. */
export type InstanceStatus = CheckStatus | 'maintenance' | 'draining';

/** One instance with its health, as readers see it. The same object until something about it changes. */
export interface Instance {
  /** The owner's name. */
  readonly node: string;
  readonly service: Service;
  /** Checks of this instance, by id. */
  readonly checks: readonly Check[];
  /** Checks of its node, by id; `serfHealth` is not among them, it is `up`. */
  readonly nodeChecks: readonly Check[];
  /** The owner is a live member here and now. */
  readonly up: boolean;
  /** The worst of all this; critical when the owner is not up. */
  readonly status: InstanceStatus;
  /** Read from the data directory and not yet confirmed by a member. */
  readonly unconfirmed: boolean;
}

/** Reading the catalogue. Arrays and maps are built on change, not on read, and must not be changed. */
export interface CatalogView {
  /** Name (as registered by whoever comes first) to the union of its instances' tags, sorted; by name. */
  services(): ReadonlyMap<string, readonly string[]>;
  /** All instances in any state, by node and id. Names match without regard to case; unknown: empty. */
  instances(service: string): readonly Instance[];
  /** Those that should be used: passing or warning, up, neither draining nor in maintenance. */
  usable(service: string): readonly Instance[];
  /** What one node has published; `undefined` for a node that has published nothing. Exact name. */
  node(name: string): NodeCatalog | undefined;
  /** Every node that has published something, by name. */
  nodes(): Iterable<NodeCatalog>;
  /**
   * When this agent first saw an entry say what it says, on its monotonic clock; `undefined` for a check that has
   * passed, or a service that has not drained, since it was first heard of.
   */
  statusSince(node: string, key: EntryKey): Millis | undefined;
  /** Instances known, in any state. */
  readonly size: number;
}

export interface NodeCatalog {
  readonly node: string;
  readonly up: boolean;
  readonly unconfirmed: boolean;
  readonly instances: readonly Instance[];
  /** Checks of the node itself. */
  readonly checks: readonly Check[];
}

/** News to spread. `urgent`: a removal, a check that turned critical, or an instance being taken out. */

export interface DeltaRumor {
  readonly delta: Delta;
  readonly urgent: boolean;
}
/**
 * What became of a delta. As ledger.ts says, and: `stranger`: of no member, and not kept. `refused`: over a limit.
 * `outbid`: it was our own ledger from the future (we lost our memory), and we began an epoch above it: spread
 * `deltaFor(us)`. Only after `applied` and `ahead` is it worth telling on; after `ahead` and `behind`, worth asking.
 */

export interface ApplyResult {
  readonly owner: string;
  readonly outcome: 'applied' | 'ahead' | 'known' | 'behind' | 'stranger' | 'refused' | 'outbid';
  /** What readers see of it. */
  readonly changes: readonly EntryChange[];
}
/** What readers saw of a key, and see now. */

export interface EntryChange {
  readonly key: EntryKey;
  readonly before: Published | undefined;
  readonly after: Published | undefined;
}
