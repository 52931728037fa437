/** Services by name, tag and address, as DNS says them. Worked out once per change, not per question. */
import type { MemberView, Topic, View } from '../../agent/contract/view.ts';
import type { Instance } from '../../catalog/types.ts';
import {
  createEndpointSet,
  type Endpoint,
  type EndpointSet,
  sortByRank,
  toEndpoint,
  toNodeEndpoint,
} from './endpoints.ts';
import type { ZoneNames } from './names.ts';
import { ServicesByAddress } from './services-by-address.ts';

/** Where Consul's servers, whose service this name is, would listen. Source: Consul ports.server. */
const SELF_PORT = 8300;
const NODES: readonly Topic[] = ['nodes'];

export interface ServiceIndexOptions {
  /** Leave out instances in warning. */
  readonly onlyPassing: boolean;
  /** The service every live node is an instance of, unless one is registered under this name. */
  readonly selfService: string | undefined;
}

export class ServiceIndex {
  readonly #view: View;
  readonly #names: ZoneNames;
  readonly #rules: ServiceIndexOptions;
  readonly #byAddress: ServicesByAddress;
  /** By the view's own array of usable instances, which is another one as soon as anything about it changes. */
  #cache = new WeakMap<readonly Instance[], ServiceEndpoints>();
  #self: ServiceEndpoints | undefined;
  #nodesAt = -1;

  constructor(view: View, names: ZoneNames, rules: ServiceIndexOptions) {
    this.#view = view;
    this.#names = names;
    this.#rules = rules;
    this.#byAddress = new ServicesByAddress(view);
  }

  /** Without a tag all instances; `undefined`: there is none to be used. Name and tag in any case. */
  find(name: string, tag: string | undefined): EndpointSet | undefined {
    const group = this.#findEndpoints(name);
    return tag === undefined ? group.all : group.withTag(tag.toLowerCase());
  }

  /** Is `tag` the end of a tag of this service, after a dot? */
  isEmptyNonTerminal(name: string, tag: string): boolean {
    return this.#findEndpoints(name).isEmptyNonTerminal(tag.toLowerCase());
  }

  /** Names of services that have an instance with this address of its own, 4 or 16 octets, in any state. */
  findByAddress(ip: Uint8Array): readonly string[] {
    return this.#byAddress.findByAddress(ip);
  }

  #findEndpoints(name: string): ServiceEndpoints {
    const nodesAt = this.#view.indexOf(NODES);
    if (nodesAt !== this.#nodesAt) {
      this.#nodesAt = nodesAt; // nodes may have moved, and their instances with them
      this.#cache = new WeakMap();
      this.#self = undefined;
    }
    const { catalog } = this.#view;
    if (name.toLowerCase() === this.#rules.selfService && catalog.instances(name).length === 0) {
      this.#self ??= new ServiceEndpoints(this.#nodeEndpoints());
      return this.#self;
    }
    const usable = catalog.usable(name);
    const held = this.#cache.get(usable);
    if (held !== undefined) return held;
    const group = new ServiceEndpoints(this.#toEndpoints(usable));
    this.#cache.set(usable, group);
    return group;
  }

  #toEndpoints(usable: readonly Instance[]): Endpoint[] {
    return usable.flatMap((instance) => {
      if (this.#rules.onlyPassing && instance.status !== 'passing') return [];
      const member = this.#view.member(instance.node);
      return toEndpoint(instance, member, this.#names, this.#view.node) ?? [];
    });
  }

  #nodeEndpoints(): Endpoint[] {
    return this.#view
      .members()
      .filter(isLive)
      .map((member) => toNodeEndpoint(member, SELF_PORT, this.#names, this.#view.node));
  }
}

/** One service's instances, all of them and by tag. */
class ServiceEndpoints {
  readonly all: EndpointSet | undefined;
  readonly #byTag = new Map<string, Endpoint[]>();
  readonly #endpointSets = new Map<string, EndpointSet>();
  readonly #emptyNonTerminals = new Set<string>();

  constructor(unordered: readonly Endpoint[]) {
    const spots = sortByRank(unordered);
    this.all = spots.length === 0 ? undefined : createEndpointSet(spots);
    for (const spot of spots) for (const tag of new Set(spot.tags)) this.#add(tag, spot);
  }

  withTag(tag: string): EndpointSet | undefined {
    const held = this.#endpointSets.get(tag);
    if (held !== undefined) return held;
    const spots = this.#byTag.get(tag);
    if (spots === undefined) return undefined;
    const served = createEndpointSet(spots);
    this.#endpointSets.set(tag, served);
    return served;
  }

  isEmptyNonTerminal(tag: string): boolean {
    return this.#emptyNonTerminals.has(tag);
  }

  #add(tag: string, spot: Endpoint): void {
    const spots = this.#byTag.get(tag);
    if (spots !== undefined) {
      spots.push(spot);
      return;
    }
    this.#byTag.set(tag, [spot]);
    for (let dot = tag.indexOf('.'); dot >= 0; dot = tag.indexOf('.', dot + 1))
      this.#emptyNonTerminals.add(tag.slice(dot + 1));
  }
}

const isLive = ({ status }: MemberView): boolean => status === 'alive' || status === 'suspect';
