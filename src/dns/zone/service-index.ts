/** Services by name, tag and address, as DNS says them. Worked out once per change, not per question. */
import type { MemberView, Topic, View } from '../../agent/contract/view.ts';
import type { Instance } from '../../catalog/types.ts';
import { inOrder, type Served, type Spot, serve, spotOf, spotOfNode } from './endpoints.ts';
import type { Names } from './names.ts';
import { ServicesByAddress } from './services-by-address.ts';

/** Where Consul's servers, whose service this name is, would listen. Source: Consul ports.server. */
const SELF_PORT = 8300;
const NODES: readonly Topic[] = ['nodes'];

export interface ServiceRules {
  /** Leave out instances in warning. */
  readonly onlyPassing: boolean;
  /** The service every live node is an instance of, unless one is registered under this name. */
  readonly selfService: string | undefined;
}

export class ServiceIndex {
  readonly #view: View;
  readonly #names: Names;
  readonly #rules: ServiceRules;
  readonly #byAddress: ServicesByAddress;
  /** By the view's own array of usable instances, which is another one as soon as anything about it changes. */
  #known = new WeakMap<readonly Instance[], Group>();
  #self: Group | undefined;
  #nodesAt = -1;

  constructor(view: View, names: Names, rules: ServiceRules) {
    this.#view = view;
    this.#names = names;
    this.#rules = rules;
    this.#byAddress = new ServicesByAddress(view);
  }

  /** Without a tag all instances; `undefined`: there is none to be used. Name and tag in any case. */
  find(name: string, tag: string | undefined): Served | undefined {
    const group = this.#group(name);
    return tag === undefined ? group.all : group.tagged(tag.toLowerCase());
  }

  /** Is `tag` the end of a tag of this service, after a dot? */
  isBetween(name: string, tag: string): boolean {
    return this.#group(name).isBetween(tag.toLowerCase());
  }

  /** Names of services that have an instance with this address of its own, 4 or 16 octets, in any state. */
  at(ip: Uint8Array): readonly string[] {
    return this.#byAddress.at(ip);
  }

  #group(name: string): Group {
    const nodesAt = this.#view.indexOf(NODES);
    if (nodesAt !== this.#nodesAt) {
      this.#nodesAt = nodesAt; // nodes may have moved, and their instances with them
      this.#known = new WeakMap();
      this.#self = undefined;
    }
    const { catalog } = this.#view;
    if (name.toLowerCase() === this.#rules.selfService && catalog.instances(name).length === 0) {
      this.#self ??= new Group(this.#liveNodes());
      return this.#self;
    }
    const usable = catalog.usable(name);
    const held = this.#known.get(usable);
    if (held !== undefined) return held;
    const group = new Group(this.#spots(usable));
    this.#known.set(usable, group);
    return group;
  }

  #spots(usable: readonly Instance[]): Spot[] {
    return usable.flatMap((instance) => {
      if (this.#rules.onlyPassing && instance.status !== 'passing') return [];
      const member = this.#view.member(instance.node);
      return spotOf(instance, member, this.#names, this.#view.node) ?? [];
    });
  }

  #liveNodes(): Spot[] {
    return this.#view
      .members()
      .filter(isLive)
      .map((member) => spotOfNode(member, SELF_PORT, this.#names, this.#view.node));
  }
}

/** One service's instances, all of them and by tag. */
class Group {
  readonly all: Served | undefined;
  readonly #byTag = new Map<string, Spot[]>();
  readonly #served = new Map<string, Served>();
  readonly #between = new Set<string>();

  constructor(unordered: readonly Spot[]) {
    const spots = inOrder(unordered);
    this.all = spots.length === 0 ? undefined : serve(spots);
    for (const spot of spots) for (const tag of new Set(spot.tags)) this.#add(tag, spot);
  }

  tagged(tag: string): Served | undefined {
    const held = this.#served.get(tag);
    if (held !== undefined) return held;
    const spots = this.#byTag.get(tag);
    if (spots === undefined) return undefined;
    const served = serve(spots);
    this.#served.set(tag, served);
    return served;
  }

  isBetween(tag: string): boolean {
    return this.#between.has(tag);
  }

  #add(tag: string, spot: Spot): void {
    const spots = this.#byTag.get(tag);
    if (spots !== undefined) {
      spots.push(spot);
      return;
    }
    this.#byTag.set(tag, [spot]);
    for (let dot = tag.indexOf('.'); dot >= 0; dot = tag.indexOf('.', dot + 1))
      this.#between.add(tag.slice(dot + 1));
  }
}

const isLive = ({ status }: MemberView): boolean => status === 'alive' || status === 'suspect';
