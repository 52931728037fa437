/**
 * The words of this room: what an owner publishes, how it travels, and what readers see. An owner is a member that
 * writes its own ledger; everyone else copies.
 */

import type { Millis } from '../base/time.ts';

export type CheckStatus = 'passing' | 'warning' | 'critical';

/** One instance of a service, as its owner publishes it. Immutable. */
export interface Service {
  readonly kind: 'service';
  /** Unique on its node; printable, at most 512 bytes. */
  readonly id: string;
  /** Letters, digits, `.`, `_`, `-`; at most 128. Kept as registered, found without regard to case. */
  readonly name: string;
  readonly tags: readonly string[];
  /** An IP, a host name, or `''`: the node's own. */
  readonly address: string;
  /** -1 (a unix socket) to 65535. */
  readonly port: number;
  readonly taggedAddresses: ReadonlyMap<string, { readonly address: string; readonly port: number }>;
  readonly meta: ReadonlyMap<string, string>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly enableTagOverride: boolean;
  /** Out of the answers, and about to stop. */
  readonly draining: boolean;
}

/** One check as its owner publishes it: what it says, not how it is run. Immutable. */
export interface Check {
  readonly kind: 'check';
  /** Unique on its node. */
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly notes: string;
  /** Trimmed for gossip (`MAX_GOSSIP_OUTPUT_BYTES`); the owner itself has more of it. */
  readonly output: string;
  /** `''`: a check of the node, which counts for all its services. */
  readonly serviceId: string;
  /** http, tcp, udp, ttl, grpc, alias, script, h2ping, maintenance … */
  readonly type: string;
  /** As registered, in Go's syntax; `''` where there is none. */
  readonly interval: string;
  readonly timeout: string;
}

export type Published = Service | Check;

/** `s:ID` or `c:ID`. */
export type EntryKey = `s:${string}` | `c:${string}`;
export const keyOf = (value: Published): EntryKey =>
  value.kind === 'service' ? `s:${value.id}` : `c:${value.id}`;

/** One row of a ledger; without a value it is a tombstone. */
export interface Entry {
  readonly key: EntryKey;
  /** The owner's version at which it was written. */
  readonly version: number;
  readonly value: Published | undefined;
}

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

/** A change an owner makes to its own ledger. */
export type Change = { readonly put: Published } | { readonly remove: EntryKey };

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
  readonly warm: boolean;
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
  since(node: string, key: EntryKey): Millis | undefined;
  /** Instances known, in any state. */
  readonly size: number;
}

export interface NodeCatalog {
  readonly node: string;
  readonly up: boolean;
  readonly warm: boolean;
  readonly instances: readonly Instance[];
  /** Checks of the node itself. */
  readonly checks: readonly Check[];
}

/** Bytes of a check's output that are replicated. */
export const MAX_GOSSIP_OUTPUT_BYTES = 256;
/** News to spread. `urgent`: a removal, a check that turned critical, or an instance being taken out. */

export interface Rumor {
  readonly delta: Delta;
  readonly urgent: boolean;
}
/**
 * What became of a delta. As ledger.ts says, and: `stranger`: of no member, and not kept. `refused`: over a limit.
 * `outbid`: it was our own ledger from the future (we lost our memory), and we began an epoch above it: spread
 * `deltaFor(us)`. Only after `applied` and `ahead` is it worth telling on; after `ahead` and `behind`, worth asking.
 */

export interface Applied {
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
