/**
 * The readers' index over the ledgers: instances with their health, by service and by node. It is a cache, filled on
 * read and invalidated on change, and says which topics each change touches.
 */

import { assert } from '../base/assert.ts';
import type { Millis } from '../base/time.ts';
import type { Entry, EntryKey } from '../model/service.ts';
import { affectedReaders } from './affected-topics.ts';
import { isUsable } from './health.ts';
import { buildNode, type IndexedNode, type OwnerState } from './nodes.ts';
import { StatusSince } from './status-since.ts';
import type { CatalogView, EntryChange, ExternalNodeView, Instance, NodeCatalog } from './types.ts';

/** Where the index reads entries from; implemented by `Catalog`. */
export interface EntrySource {
  owners(): Iterable<string>;
  entries(owner: string): ReadonlyMap<EntryKey, Entry> | undefined;
  isUnconfirmed(owner: string): boolean;
  /** Absent: there are no external nodes. */
  externalNode?(name: string): ExternalNodeView | undefined;
  externalNodes?(): Iterable<ExternalNodeView>;
}

/** What a blocking query or a watch can wait on. */
export type CatalogTopic =
  | 'services'
  | 'checks'
  | 'jobs'
  | 'partitions'
  | `partitions:${string}`
  | `service:${string}`
  | `entries:${string}`
  | ExternalNodeTopic;
/** Of external nodes, as membership has them of members. */
export type ExternalNodeTopic = 'nodes' | `node:${string}`;

/** Where the topics that a change concerns are collected: the set of all topics that an input changes. */
export interface TopicSink {
  add(topic: CatalogTopic): unknown;
  has(topic: CatalogTopic): boolean;
}

interface InstanceLists {
  readonly all: readonly Instance[];
  readonly usable: readonly Instance[];
}

const NO_INSTANCES: InstanceLists = { all: [], usable: [] };
const NO_ENTRIES: ReadonlyMap<EntryKey, Entry> = new Map();

export class CatalogIndex implements CatalogView {
  readonly #source: EntrySource;
  readonly #up = new Set<string>();
  /** Cached nodes. Those in `#stale` are rebuilt on the next read, and keep what did not change. */
  readonly #nodes = new Map<string, IndexedNode>();
  readonly #stale = new Set<string>();
  readonly #lists = new Map<string, InstanceLists>();
  readonly #statusSince = new StatusSince();
  /** For each lower-case service name, the number of instances on each node. Built on the first read, then updated. */
  #countsByService: Map<string, Map<string, number>> | undefined;
  #services: ReadonlyMap<string, readonly string[]> | undefined;
  #sortedOwners: readonly string[] | undefined;
  #size: number | undefined;

  constructor(source: EntrySource) {
    this.#source = source;
  }

  services(): ReadonlyMap<string, readonly string[]> {
    this.#services ??= this.#buildServices();
    return this.#services;
  }

  instances(service: string): readonly Instance[] {
    return this.#instanceLists(service).all;
  }

  usable(service: string): readonly Instance[] {
    return this.#instanceLists(service).usable;
  }

  node(name: string): NodeCatalog | undefined {
    const { catalog } = this.#indexedNode(name);
    return catalog.instances.length === 0 && catalog.checks.length === 0 ? undefined : catalog;
  }

  *nodes(): Iterable<NodeCatalog> {
    this.#sortedOwners ??= [...this.#source.owners()].sort();
    for (const owner of this.#sortedOwners) {
      const node = this.node(owner);
      if (node !== undefined) yield node;
    }
  }

  get size(): number {
    if (this.#size === undefined) {
      this.#size = 0;
      for (const nodes of this.#instanceCounts().values())
        for (const count of nodes.values()) this.#size += count;
    }
    return this.#size;
  }

  externalNode(name: string): ExternalNodeView | undefined {
    return this.#source.externalNode?.(name);
  }

  externalNodes(): Iterable<ExternalNodeView> {
    return this.#source.externalNodes?.() ?? [];
  }

  statusSince(node: string, key: EntryKey): Millis | undefined {
    return this.#statusSince.get(node, key);
  }

  /** To be called when an owner's entries have changed, before the next read. Adds the touched topics to `topics`. */
  onEntriesChanged(owner: string, changes: readonly EntryChange[], topics: TopicSink, now?: Millis): void {
    if (changes.length === 0) return;
    if (now !== undefined) this.#statusSince.record(owner, changes, now);
    topics.add(`entries:${owner}`);
    this.#markStale(owner);
    this.#sortedOwners = undefined;
    this.#size = undefined;
    const { serviceList, checks, services } = affectedReaders(changes, this.#ownerEntries(owner));
    if (serviceList) {
      topics.add('services');
      this.#services = undefined;
    }
    if (checks) topics.add('checks');
    for (const name of services) this.#invalidateService(name, topics);
    if (this.#countsByService !== undefined)
      for (const { before, after } of changes) {
        if (before?.kind === 'service') adjustCount(this.#countsByService, before.name, owner, -1);
        if (after?.kind === 'service') adjustCount(this.#countsByService, after.name, owner, 1);
      }
  }

  /**
   * Membership decides whether an owner is up. The status of its instances follows without a message of the catalog.
   */
  setOwnerUp(owner: string, up: boolean, topics: TopicSink): void {
    if (this.#up.has(owner) === up) return;
    if (up) this.#up.add(owner);
    else this.#up.delete(owner);
    this.#onHealthChanged(owner, topics);
    topics.add('checks'); // they include the node's own health, serfHealth
  }

  /** A member holds the same as our restored copy of the owner's ledger. */
  onOwnerConfirmed(owner: string, topics: TopicSink): void {
    this.#onHealthChanged(owner, topics);
  }

  /** The owner is no member any more; `changes` come from `Catalog.deleteOwner`. */
  onOwnerDeleted(owner: string, changes: readonly EntryChange[], topics: TopicSink): void {
    this.onEntriesChanged(owner, changes, topics);
    this.setOwnerUp(owner, false, topics);
    this.#nodes.delete(owner);
    this.#stale.delete(owner);
    this.#statusSince.deleteOwner(owner);
    this.#sortedOwners = undefined;
  }

  #onHealthChanged(owner: string, topics: TopicSink): void {
    this.#markStale(owner);
    let any = false;
    for (const { value } of this.#ownerEntries(owner).values()) {
      if (value === undefined) continue;
      any = true;
      if (value.kind === 'service') this.#invalidateService(value.name.toLowerCase(), topics);
    }
    if (any) topics.add(`entries:${owner}`);
  }

  #markStale(owner: string): void {
    if (this.#nodes.has(owner)) this.#stale.add(owner);
  }

  #invalidateService(name: string, topics: TopicSink): void {
    topics.add(`service:${name}`);
    this.#lists.delete(name);
  }

  #instanceLists(service: string): InstanceLists {
    const name = service.toLowerCase();
    const cached = this.#lists.get(name);
    if (cached !== undefined) return cached;
    const countByNode = this.#instanceCounts().get(name);
    if (countByNode === undefined) return NO_INSTANCES; // not cached: clients may request any number of unknown names
    const all = [...countByNode.keys()]
      .sort()
      .flatMap((owner) => this.#indexedNode(owner).byName.get(name) ?? []);
    const lists = { all, usable: all.filter(isUsable) };
    this.#lists.set(name, lists);
    return lists;
  }

  #indexedNode(owner: string): IndexedNode {
    const cached = this.#nodes.get(owner);
    if (cached !== undefined && !this.#stale.has(owner)) return cached;
    const entries = this.#source.entries(owner);
    const state: OwnerState = {
      node: owner,
      up: this.#up.has(owner),
      unconfirmed: this.#source.isUnconfirmed(owner),
    };
    const node = buildNode(state, entries ?? NO_ENTRIES, cached);
    if (entries !== undefined) {
      this.#nodes.set(owner, node);
      this.#stale.delete(owner);
    }
    return node;
  }

  #instanceCounts(): Map<string, Map<string, number>> {
    if (this.#countsByService !== undefined) return this.#countsByService;
    this.#countsByService = new Map();
    for (const owner of this.#source.owners())
      for (const { value } of this.#ownerEntries(owner).values())
        if (value?.kind === 'service') adjustCount(this.#countsByService, value.name, owner, 1);
    return this.#countsByService;
  }

  #buildServices(): ReadonlyMap<string, readonly string[]> {
    const names = [...this.#instanceCounts().keys()].sort();
    return new Map(
      names.map((name) => {
        const all = this.#instanceLists(name).all;
        const tags = new Set<string>();
        for (const { service } of all) for (const tag of service.tags) tags.add(tag);
        return [all[0]?.service.name ?? name, [...tags].sort()] as const;
      }),
    );
  }

  #ownerEntries(owner: string): ReadonlyMap<EntryKey, Entry> {
    return this.#source.entries(owner) ?? NO_ENTRIES;
  }
}

function adjustCount(
  countsByService: Map<string, Map<string, number>>,
  service: string,
  owner: string,
  by: number,
): void {
  const name = service.toLowerCase();
  const countByNode = countsByService.get(name) ?? new Map<string, number>();
  countsByService.set(name, countByNode);
  const count = (countByNode.get(owner) ?? 0) + by;
  assert(count >= 0, `${count} instances of a service on one node`);
  if (count > 0) countByNode.set(owner, count);
  else countByNode.delete(owner);
  if (countByNode.size === 0) countsByService.delete(name);
}
