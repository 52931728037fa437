/**
 * What readers see of the catalogue: instances with their health, by service and by node. A cache over the ledgers,
 * filled when somebody asks and emptied where something changes; an instance stays the same object until something
 * about it changes. Also says which topics a change touches.
 */

import type { Millis } from '../base/time.ts';
import type { Entry, EntryKey, Service } from '../model/service.ts';
import {
  addAllServices,
  isDrainChanged,
  isListedAlike,
  isRenamed,
  servicesWithChecks,
} from './affected-topics.ts';
import { isUsable } from './health.ts';
import { buildNode, type Node } from './nodes.ts';
import { Since } from './status-since.ts';
import type { CatalogView, EntryChange, Instance, NodeCatalog } from './types.ts';

/** Where the entries are; `Catalog` is one. */
export interface Source {
  owners(): Iterable<string>;
  entries(owner: string): ReadonlyMap<EntryKey, Entry> | undefined;
  isWarm(owner: string): boolean;
}

export type CatalogTopic = 'services' | 'checks' | `service:${string}` | `entries:${string}`;

interface Lists {
  readonly all: readonly Instance[];
  readonly usable: readonly Instance[];
}

const NOBODY: Lists = { all: [], usable: [] };
const NO_ENTRIES: ReadonlyMap<EntryKey, Entry> = new Map();

export class CatalogIndex implements CatalogView {
  readonly #source: Source;
  readonly #up = new Set<string>();
  /** Cached nodes; those in `#stale` must be built anew, from the old one where it still holds. */
  readonly #nodes = new Map<string, Node>();
  readonly #stale = new Set<string>();
  readonly #lists = new Map<string, Lists>();
  readonly #since = new Since();
  /** For each lower-case name, how many instances each node has of it. Built when first asked, then kept. */
  #hosts: Map<string, Map<string, number>> | undefined;
  #services: ReadonlyMap<string, readonly string[]> | undefined;
  #sorted: readonly string[] | undefined;
  #size: number | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  services(): ReadonlyMap<string, readonly string[]> {
    this.#services ??= this.#listServices();
    return this.#services;
  }

  instances(service: string): readonly Instance[] {
    return this.#listsOf(service).all;
  }

  usable(service: string): readonly Instance[] {
    return this.#listsOf(service).usable;
  }

  node(name: string): NodeCatalog | undefined {
    const { catalog } = this.#nodeOf(name);
    return catalog.instances.length === 0 && catalog.checks.length === 0 ? undefined : catalog;
  }

  *nodes(): Iterable<NodeCatalog> {
    this.#sorted ??= [...this.#source.owners()].sort();
    for (const owner of this.#sorted) {
      const node = this.node(owner);
      if (node !== undefined) yield node;
    }
  }

  get size(): number {
    if (this.#size === undefined) {
      this.#size = 0;
      for (const nodes of this.#allHosts().values()) for (const held of nodes.values()) this.#size += held;
    }
    return this.#size;
  }

  since(node: string, key: EntryKey): Millis | undefined {
    return this.#since.get(node, key);
  }

  /** At once after an owner's entries changed, before anybody reads. Adds what is touched to `topics`. */
  changed(owner: string, changes: readonly EntryChange[], topics: Set<CatalogTopic>, now?: Millis): void {
    if (changes.length === 0) return;
    if (now !== undefined) this.#since.note(owner, changes, now);
    topics.add(`entries:${owner}`);
    this.#spoil(owner);
    this.#sorted = undefined;
    this.#size = undefined;
    const touched = this.#touchedBy(owner, changes, topics);
    for (const name of touched) this.#touch(name, topics);
    if (this.#hosts !== undefined)
      for (const { before, after } of changes) {
        if (before?.kind === 'service') count(this.#hosts, before.name, owner, -1);
        if (after?.kind === 'service') count(this.#hosts, after.name, owner, 1);
      }
  }

  /** Membership says that an owner is up, or is not. Its instances follow at once, with no message about them. */
  ownerState(owner: string, up: boolean, topics: Set<CatalogTopic>): void {
    if (this.#up.has(owner) === up) return;
    if (up) this.#up.add(owner);
    else this.#up.delete(owner);
    this.#healthChanged(owner, topics);
    topics.add('checks'); // the node's own health is one of them
  }

  /** A member said the same as what we remembered of it. */
  confirmed(owner: string, topics: Set<CatalogTopic>): void {
    this.#healthChanged(owner, topics);
  }

  /** The owner is no member any more; `changes` are what `Catalog.drop` gave. */
  dropped(owner: string, changes: readonly EntryChange[], topics: Set<CatalogTopic>): void {
    this.changed(owner, changes, topics);
    this.ownerState(owner, false, topics);
    this.#nodes.delete(owner);
    this.#stale.delete(owner);
    this.#since.drop(owner);
    this.#sorted = undefined;
  }

  #healthChanged(owner: string, topics: Set<CatalogTopic>): void {
    this.#spoil(owner);
    let any = false;
    for (const { value } of this.#entriesOf(owner).values()) {
      if (value === undefined) continue;
      any = true;
      if (value.kind === 'service') this.#touch(value.name.toLowerCase(), topics);
    }
    if (any) topics.add(`entries:${owner}`);
  }

  #spoil(owner: string): void {
    if (this.#nodes.has(owner)) this.#stale.add(owner);
  }

  #touch(name: string, topics: Set<CatalogTopic>): void {
    topics.add(`service:${name}`);
    this.#lists.delete(name);
  }

  /** Lower-case names of the services whose readers see the changes. */
  #touchedBy(owner: string, changes: readonly EntryChange[], topics: Set<CatalogTopic>): Set<string> {
    const entries = this.#entriesOf(owner);
    const touched = new Set<string>();
    const before = new Map<EntryKey, Service>();
    let checked: Set<string> | undefined;
    for (const change of changes) {
      if (change.before?.kind === 'service') before.set(change.key, change.before);
      for (const value of [change.before, change.after])
        if (value?.kind === 'service') touched.add(value.name.toLowerCase());
      if (!change.key.startsWith('s:')) continue;
      if (!isListedAlike(change)) topics.add('services');
      if (isDrainChanged(change)) topics.add('checks');
      checked ??= servicesWithChecks(entries);
      if (checked.has(change.key.slice(2)) && isRenamed(change)) topics.add('checks');
    }
    for (const change of changes) {
      for (const value of [change.before, change.after]) {
        if (value?.kind !== 'check') continue;
        topics.add('checks');
        if (value.serviceId === '') addAllServices(entries, touched);
        const now = entries.get(`s:${value.serviceId}`)?.value ?? before.get(`s:${value.serviceId}`);
        if (now?.kind === 'service') touched.add(now.name.toLowerCase());
      }
    }
    if (topics.has('services')) this.#services = undefined;
    return touched;
  }

  #listsOf(service: string): Lists {
    const name = service.toLowerCase();
    const held = this.#lists.get(name);
    if (held !== undefined) return held;
    const hosts = this.#allHosts().get(name);
    if (hosts === undefined) return NOBODY; // not remembered: anybody may ask for anything
    const all = [...hosts.keys()].sort().flatMap((owner) => this.#nodeOf(owner).byName.get(name) ?? []);
    const lists = { all, usable: all.filter(isUsable) };
    this.#lists.set(name, lists);
    return lists;
  }

  #nodeOf(owner: string): Node {
    const held = this.#nodes.get(owner);
    if (held !== undefined && !this.#stale.has(owner)) return held;
    const entries = this.#source.entries(owner);
    const node = buildNode(
      owner,
      entries ?? NO_ENTRIES,
      this.#up.has(owner),
      this.#source.isWarm(owner),
      held,
    );
    if (entries !== undefined) {
      this.#nodes.set(owner, node);
      this.#stale.delete(owner);
    }
    return node;
  }

  #allHosts(): Map<string, Map<string, number>> {
    if (this.#hosts !== undefined) return this.#hosts;
    this.#hosts = new Map();
    for (const owner of this.#source.owners())
      for (const { value } of this.#entriesOf(owner).values())
        if (value?.kind === 'service') count(this.#hosts, value.name, owner, 1);
    return this.#hosts;
  }

  #listServices(): ReadonlyMap<string, readonly string[]> {
    const names = [...this.#allHosts().keys()].sort();
    return new Map(
      names.map((name) => {
        const all = this.#listsOf(name).all;
        const tags = new Set<string>();
        for (const { service } of all) for (const tag of service.tags) tags.add(tag);
        return [all[0]?.service.name ?? name, [...tags].sort()] as const;
      }),
    );
  }

  #entriesOf(owner: string): ReadonlyMap<EntryKey, Entry> {
    return this.#source.entries(owner) ?? NO_ENTRIES;
  }
}

function count(hosts: Map<string, Map<string, number>>, service: string, owner: string, by: number): void {
  const name = service.toLowerCase();
  const nodes = hosts.get(name) ?? new Map<string, number>();
  hosts.set(name, nodes);
  const left = (nodes.get(owner) ?? 0) + by;
  if (left > 0) nodes.set(owner, left);
  else nodes.delete(owner);
  if (nodes.size === 0) hosts.delete(name);
}
