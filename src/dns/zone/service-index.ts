/** Endpoints of services by name, tag and address. Computed once per change of the catalog, not per query. */
import type { MemberView, Topic, View } from '../../agent/contract/view.ts';
import { selfInstances } from '../../agent/readers/self-service.ts';
import type { Instance } from '../../catalog/types.ts';
import { nodeOfExternal, nodeOfMember } from './dns-node.ts';
import {
  createEndpointSet,
  type Endpoint,
  type EndpointPreferences,
  type EndpointSet,
  type NodeAddress,
  sortByRank,
  toEndpoint,
  toNodeEndpoint,
} from './endpoints.ts';
import type { ZoneNames } from './names.ts';
import { ServicesByAddress } from './services-by-address.ts';

const NODES: readonly Topic[] = ['nodes'];
const NO_SUSPECTS: ReadonlySet<string> = new Set();

export interface ServiceIndexOptions {
  /** Leaves out instances in state warning. */
  readonly onlyPassing: boolean;
  /** Puts endpoints on suspected nodes last while two others are well. */
  readonly suspectsLast: boolean;
  /** Name of the service that every live node is an instance of, unless a service of that name is registered. */
  readonly selfService: string | undefined;
}

export class ServiceIndex {
  readonly #view: View;
  readonly #names: ZoneNames;
  readonly #options: ServiceIndexOptions;
  readonly #byAddress: ServicesByAddress;
  /** Keyed by the view's array of usable instances, which the catalog replaces whenever one of them changes. */
  #cache = new WeakMap<readonly Instance[], ServiceEndpoints>();
  #selfService: ServiceEndpoints | undefined;
  /** Index of the topic `nodes` for which the cache is valid. */
  #nodesIndex = -1;
  /** The suspects for which the cache is valid. */
  #suspects: ReadonlySet<string> = NO_SUSPECTS;

  constructor(view: View, names: ZoneNames, options: ServiceIndexOptions) {
    this.#view = view;
    this.#names = names;
    this.#options = options;
    this.#byAddress = new ServicesByAddress(view);
  }

  /** The usable endpoints, with `tag` if it is given; `undefined` if there are none. Case-insensitive. */
  find(name: string, tag: string | undefined): EndpointSet | undefined {
    const endpoints = this.#findEndpoints(name);
    return tag === undefined ? endpoints.all : endpoints.withTag(tag.toLowerCase());
  }

  /** The usable endpoints with a port of this name, which takes the place of their own. Case-insensitive. */
  findByPort(name: string, port: string): EndpointSet | undefined {
    return this.#findEndpoints(name).withPort(port.toLowerCase());
  }

  /** Is `tag` an empty non-terminal (RFC 8020)? With a tag `a.b`, `b` is. */
  isEmptyNonTerminal(name: string, tag: string): boolean {
    return this.#findEndpoints(name).isEmptyNonTerminal(tag.toLowerCase());
  }

  /** Names of services with an instance, in any state, that is registered with this address of 4 or 16 bytes. */
  findByAddress(ip: Uint8Array): readonly string[] {
    return this.#byAddress.findByAddress(ip);
  }

  #findEndpoints(name: string): ServiceEndpoints {
    const nodesIndex = this.#view.indexOf(NODES);
    const suspects = this.#options.suspectsLast ? this.#view.suspects() : NO_SUSPECTS;
    if (nodesIndex !== this.#nodesIndex || suspects !== this.#suspects) {
      this.#suspects = suspects;
      this.#nodesIndex = nodesIndex; // endpoints without an address of their own depend on that of their node
      this.#cache = new WeakMap();
      this.#selfService = undefined;
    }
    const { catalog } = this.#view;
    const { selfService } = this.#options;
    if (name.toLowerCase() === selfService && catalog.instances(name).length === 0) {
      const preferences = { suspects, plan: undefined };
      this.#selfService ??= new ServiceEndpoints(this.#selfEndpoints(selfService), preferences);
      return this.#selfService;
    }
    const usable = catalog.usable(name);
    const plan = this.#view.zones.plan(name);
    const cached = this.#cache.get(usable);
    if (cached !== undefined && cached.preferences.plan === plan) return cached;
    const unordered = this.#toEndpoints(usable);
    const endpoints = new ServiceEndpoints(plan === undefined ? unordered : this.#locate(unordered), {
      suspects,
      plan,
    });
    this.#cache.set(usable, endpoints);
    return endpoints;
  }

  #toEndpoints(usable: readonly Instance[]): Endpoint[] {
    return usable.flatMap((instance) => {
      if (this.#options.onlyPassing && instance.status !== 'passing') return [];
      return toEndpoint(instance, this.#addressOf(instance.node), this.#names, this.#view.node) ?? [];
    });
  }

  #locate(endpoints: readonly Endpoint[]): Endpoint[] {
    const { zones } = this.#view;
    return endpoints.map((endpoint) => ({ ...endpoint, zone: zones.zoneOf(endpoint.node) }));
  }

  #addressOf(name: string): NodeAddress | undefined {
    const external = this.#view.catalog.externalNode(name);
    if (external?.name === name) {
      const node = nodeOfExternal(external);
      return { node, hostName: node === undefined ? external.address : '' };
    }
    const member = this.#view.member(name);
    return member === undefined ? undefined : { node: nodeOfMember(member), hostName: '' };
  }

  #selfEndpoints(selfService: string): Endpoint[] {
    return [...selfInstances(this.#view, selfService)]
      .filter(({ member }) => isLive(member))
      .map(({ member, instance }) =>
        toNodeEndpoint(member, instance.service.port, this.#names, this.#view.node),
      );
  }
}

/** The endpoints of one service, all of them and by tag. */
class ServiceEndpoints {
  readonly all: EndpointSet | undefined;
  readonly #byTag = new Map<string, Endpoint[]>();
  /** By tag, and by `:PORT`: no tag of a name in DNS begins with a colon. */
  readonly #endpointSets = new Map<string, EndpointSet>();
  readonly #ordered: readonly Endpoint[];
  readonly #emptyNonTerminals = new Set<string>();

  readonly preferences: EndpointPreferences;

  constructor(unordered: readonly Endpoint[], preferences: EndpointPreferences) {
    this.preferences = preferences;
    const endpoints = sortByRank(unordered);
    this.#ordered = endpoints;
    this.all = endpoints.length === 0 ? undefined : createEndpointSet(endpoints, preferences);
    for (const endpoint of endpoints) for (const tag of new Set(endpoint.tags)) this.#add(tag, endpoint);
    // `PORT.port.NAME` exists, so `port.NAME` does.
    if (endpoints.some(({ namedPorts }) => namedPorts.length > 0)) this.#emptyNonTerminals.add('port');
  }

  withTag(tag: string): EndpointSet | undefined {
    const cached = this.#endpointSets.get(tag);
    if (cached !== undefined) return cached;
    const endpoints = this.#byTag.get(tag);
    if (endpoints === undefined) return undefined;
    const endpointSet = createEndpointSet(endpoints, this.preferences);
    this.#endpointSets.set(tag, endpointSet);
    return endpointSet;
  }

  withPort(portName: string): EndpointSet | undefined {
    const key = `:${portName}`;
    const cached = this.#endpointSets.get(key);
    if (cached !== undefined) return cached;
    const endpoints = this.#ordered.flatMap((endpoint) => {
      const named = endpoint.namedPorts.find(({ name }) => name === portName);
      return named === undefined ? [] : [{ ...endpoint, port: named.port }];
    });
    if (endpoints.length === 0) return undefined;
    const endpointSet = createEndpointSet(endpoints, this.preferences);
    this.#endpointSets.set(key, endpointSet);
    return endpointSet;
  }

  isEmptyNonTerminal(tag: string): boolean {
    return this.#emptyNonTerminals.has(tag);
  }

  #add(tag: string, endpoint: Endpoint): void {
    const endpoints = this.#byTag.get(tag);
    if (endpoints !== undefined) {
      endpoints.push(endpoint);
      return;
    }
    this.#byTag.set(tag, [endpoint]);
    for (let dot = tag.indexOf('.'); dot >= 0; dot = tag.indexOf('.', dot + 1))
      this.#emptyNonTerminals.add(tag.slice(dot + 1));
  }
}

const isLive = ({ status, refused }: MemberView): boolean =>
  status === 'alive' || status === 'away' || (status === 'suspect' && refused !== true);
