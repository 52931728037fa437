/** Types of the catalog: how an owner's entries travel between agents, and what readers see of them. */

import type { Millis } from '../base/time.ts';
import type {
  Check,
  CheckStatus,
  Entry,
  EntryKey,
  ExternalNode,
  Published,
  Service,
} from '../model/service.ts';

/**
 * The entries of one owner from version `from` (exclusive) to `to`. From 0 it is the whole ledger. Never cut inside.
 */
export interface Delta {
  readonly owner: string;
  /** The owner chooses it when it starts; a larger one replaces the whole ledger. */
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  /** The sender has reaped tombstones at or below this version. */
  readonly swept: number;
  readonly entries: readonly Entry[];
}

/** How far a copy of one owner's ledger goes. */
export interface Progress {
  readonly owner: string;
  readonly epoch: number;
  readonly version: number;
  /** What the copy says, as 32 bits, if nothing is held beyond a gap; only in a sync about buckets (A48). */
  readonly contents?: number | undefined;
}

/** `maintenance`: an operator took it out. `draining`: its owner did. */
export type InstanceStatus = CheckStatus | 'maintenance' | 'draining';

/** One instance with its health, as readers see it. The same object until something about it changes. */
export interface Instance {
  /** The owner's name, or that of an external node. */
  readonly node: string;
  readonly service: Service;
  /** Checks of this instance, by id. */
  readonly checks: readonly Check[];
  /** Checks of its node, by id. `serfHealth` is not among them; that is `up`. */
  readonly nodeChecks: readonly Check[];
  /** The owner is a live member, as this agent sees it. */
  readonly up: boolean;
  /** The worst of all these; critical when the owner is not up. */
  readonly status: InstanceStatus;
  /** Restored from disk, and not confirmed by a member since. */
  readonly unconfirmed: boolean;
}

/** Reading the catalog. Arrays and maps are built on change, not on read, and must not be changed. */
export interface CatalogView {
  /** Name (as its first instance spells it) to the union of its instances' tags, sorted; by name. */
  services(): ReadonlyMap<string, readonly string[]>;
  /** All instances in any state, by node and id. Names match without regard to case; unknown: empty. */
  instances(service: string): readonly Instance[];
  /** The instances to use: passing or warning, up, neither draining nor in maintenance. */
  usable(service: string): readonly Instance[];
  /** What one node has published; `undefined` for a node that has published nothing. Exact name. */
  node(name: string): NodeCatalog | undefined;
  /** Every node that has published something, by name. */
  nodes(): Iterable<NodeCatalog>;
  /**
   * When this agent first saw an entry in its present state, on its monotonic clock; `undefined` for a check that
   * has passed, or a service that has not drained, since this agent first saw it.
   */
  statusSince(node: string, key: EntryKey): Millis | undefined;
  /** A node that is no member; `undefined`: none of this name was registered. The name in any case. */
  externalNode(name: string): ExternalNodeView | undefined;
  externalNodes(): Iterable<ExternalNodeView>;
  /** Number of instances, in any state. */
  readonly size: number;
}

/** An external node as readers see it. The same object until something about it changes. */
export interface ExternalNodeView extends Omit<ExternalNode, 'kind' | 'removed'> {
  /** The agent that it was registered with, which runs its checks. */
  readonly owner: string;
  /** The owner is a live member, as this agent sees it. */
  readonly up: boolean;
}

export interface NodeCatalog {
  readonly node: string;
  readonly up: boolean;
  readonly unconfirmed: boolean;
  readonly instances: readonly Instance[];
  /** Checks of the node itself. */
  readonly checks: readonly Check[];
}

/** A delta to gossip. `urgent`: it goes before all others (see `isUrgent`). */
export interface DeltaRumor {
  readonly delta: Delta;
  readonly urgent: boolean;
}

/**
 * What became of a delta. Besides those of `ApplyOutcome`: `notMember`, its owner is no member, and it was not kept;
 * `refused`, it passes a limit; `epochRaised`, it was our own ledger from an epoch or version we do not know, so we
 * began a higher epoch and must broadcast `deltaFor(us)`.
 */
export interface ApplyResult {
  readonly owner: string;
  readonly outcome: 'applied' | 'gap' | 'stale' | 'needsWhole' | 'notMember' | 'refused' | 'epochRaised';
  readonly changes: readonly EntryChange[];
}

/** What readers saw under a key, and see now. */
export interface EntryChange {
  readonly key: EntryKey;
  readonly before: Published | undefined;
  readonly after: Published | undefined;
}
