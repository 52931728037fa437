/**
 * What readers see of the catalogue: instances with their health, by service and by node. A cache over the ledgers,
 * filled when somebody asks and emptied where something changes; an instance stays the same object until something
 * about it changes. Also says which topics a change touches.
 */

import type { Millis } from '../base/time.ts';
import type { Entry, EntryKey, Service } from '../model/service.ts';
import {
  addServiceNames,
  isDrainingChanged,
  isNameOrTagsChanged,
  isSameInServiceList,
  serviceIdsWithChecks,
} from './affected-topics.ts';
import { isUsable } from './health.ts';
import { buildNode, type IndexedNode } from './nodes.ts';
import { StatusSince } from './status-since.ts';
import type { CatalogView, EntryChange, Instance, NodeCatalog } from './types.ts';

/** Where the entries are; `Catalog` is one. */
export interface EntrySource {
  owners(): Iterable<string>;
  entries(owner: string): ReadonlyMap<EntryKey, Entry> | undefined;
  isUnconfirmed(owner: string): boolean;
}

export type CatalogTopic = 'services' | 'checks' | `service:${string}` | `entries:${string}`;

interface InstanceLists {
  readonly all: readonly Instance[];
  readonly usable: readonly Instance[];
}

const NO_INSTANCES: InstanceLists = { all: [], usable: [] };
const NO_ENTRIES: ReadonlyMap<EntryKey, Entry> = new Map();

export class CatalogIndex implements CatalogView {
  readonly #source: EntrySource;
  readonly #up = new Set<string>();
  /** Cached nodes; those in `#stale` must be built anew, from the old one where it still holds. */
  readonly #nodes = new Map<string, IndexedNode>();
  readonly #stale = new Set<string>();
  readonly #lists = new Map<string, InstanceLists>();
  readonly #statusSince = new StatusSince();
  /** For each lower-case name, how many instances each node has of it. Built when first asked, then kept. */
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
        for (const held of nodes.values()) this.#size += held;
    }
    return this.#size;
  }

  statusSince(node: string, key: EntryKey): Millis | undefined {
    return this.#statusSince.get(node, key);
  }

  /** At once after an owner's entries changed, before anybody reads. Adds what is touched to `topics`. */
  onEntriesChanged(
    owner: string,
    changes: readonly EntryChange[],
    topics: Set<CatalogTopic>,
    now?: Millis,
  ): void {
    if (changes.length === 0) return;
    if (now !== undefined) this.#statusSince.record(owner, changes, now);
    topics.add(`entries:${owner}`);
    this.#markStale(owner);
    this.#sortedOwners = undefined;
    this.#size = undefined;
    const touched = this.#affectedServices(owner, changes, topics);
    for (const name of touched) this.#invalidateService(name, topics);
    if (this.#countsByService !== undefined)
      for (const { before, after } of changes) {
        if (before?.kind === 'service') adjustCount(this.#countsByService, before.name, owner, -1);
        if (after?.kind === 'service') adjustCount(this.#countsByService, after.name, owner, 1);
      }
  }

  /** Membership says that an owner is up, or is not. Its instances follow at once, with no message about them. */
  setOwnerUp(owner: string, up: boolean, topics: Set<CatalogTopic>): void {
    if (this.#up.has(owner) === up) return;
    if (up) this.#up.add(owner);
    else this.#up.delete(owner);
    this.#onHealthChanged(owner, topics);
    topics.add('checks'); // the node's own health is one of them
  }

  /** A member said the same as what we remembered of it. */
  onOwnerConfirmed(owner: string, topics: Set<CatalogTopic>): void {
    this.#onHealthChanged(owner, topics);
  }

  /** The owner is no member any more; `changes` are what `Catalog.drop` gave. */
  onOwnerDeleted(owner: string, changes: readonly EntryChange[], topics: Set<CatalogTopic>): void {
    this.onEntriesChanged(owner, changes, topics);
    this.setOwnerUp(owner, false, topics);
    this.#nodes.delete(owner);
    this.#stale.delete(owner);
    this.#statusSince.deleteOwner(owner);
    this.#sortedOwners = undefined;
  }

  #onHealthChanged(owner: string, topics: Set<CatalogTopic>): void {
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

  #invalidateService(name: string, topics: Set<CatalogTopic>): void {
    topics.add(`service:${name}`);
    this.#lists.delete(name);
  }

  /** Lower-case names of the services whose readers see the changes. */
  #affectedServices(owner: string, changes: readonly EntryChange[], topics: Set<CatalogTopic>): Set<string> {
    const entries = this.#ownerEntries(owner);
    const touched = new Set<string>();
    const before = new Map<EntryKey, Service>();
    let checked: Set<string> | undefined;
    for (const change of changes) {
      if (change.before?.kind === 'service') before.set(change.key, change.before);
      for (const value of [change.before, change.after])
        if (value?.kind === 'service') touched.add(value.name.toLowerCase());
      if (!change.key.startsWith('s:')) continue;
      if (!isSameInServiceList(change)) topics.add('services');
      if (isDrainingChanged(change)) topics.add('checks');
      checked ??= serviceIdsWithChecks(entries);
      if (checked.has(change.key.slice(2)) && isNameOrTagsChanged(change)) topics.add('checks');
    }
    for (const change of changes) {
      for (const value of [change.before, change.after]) {
        if (value?.kind !== 'check') continue;
        topics.add('checks');
        if (value.serviceId === '') addServiceNames(entries, touched);
        const now = entries.get(`s:${value.serviceId}`)?.value ?? before.get(`s:${value.serviceId}`);
        if (now?.kind === 'service') touched.add(now.name.toLowerCase());
      }
    }
    if (topics.has('services')) this.#services = undefined;
    return touched;
  }

  #instanceLists(service: string): InstanceLists {
    const name = service.toLowerCase();
    const held = this.#lists.get(name);
    if (held !== undefined) return held;
    const hosts = this.#instanceCounts().get(name);
    if (hosts === undefined) return NO_INSTANCES; // not remembered: anybody may ask for anything
    const all = [...hosts.keys()].sort().flatMap((owner) => this.#indexedNode(owner).byName.get(name) ?? []);
    const lists = { all, usable: all.filter(isUsable) };
    this.#lists.set(name, lists);
    return lists;
  }

  #indexedNode(owner: string): IndexedNode {
    const held = this.#nodes.get(owner);
    if (held !== undefined && !this.#stale.has(owner)) return held;
    const entries = this.#source.entries(owner);
    const node = buildNode(
      owner,
      entries ?? NO_ENTRIES,
      this.#up.has(owner),
      this.#source.isUnconfirmed(owner),
      held,
    );
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
  hosts: Map<string, Map<string, number>>,
  service: string,
  owner: string,
  by: number,
): void {
  const name = service.toLowerCase();
  const nodes = hosts.get(name) ?? new Map<string, number>();
  hosts.set(name, nodes);
  const left = (nodes.get(owner) ?? 0) + by;
  if (left > 0) nodes.set(owner, left);
  else nodes.delete(owner);
  if (nodes.size === 0) hosts.delete(name);
}
