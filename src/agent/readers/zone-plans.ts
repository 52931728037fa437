/**
 * Where this agent's readers find each service, by availability zone. A plan is made when it is read, and otherwise soon after
 * its service has changed, so that the planner has seen the usual number of instances before anybody asks.
 */
import { type Millis, NEVER } from '../../base/time.ts';
import { effectiveWeight } from '../../catalog/placement.ts';
import type { CatalogView } from '../../catalog/types.ts';
import {
  type LocatedInstance,
  type ZonePlan,
  ZonePlanner,
  type ZoneSettings,
} from '../../locality/zone-planner.ts';
import { type Coordinate, distance } from '../../serf/coordinates.ts';
import type { MemberView, Topic, ZonesView } from '../contract/view.ts';

/** How long changes of services that nobody reads are collected: a plan costs as much as a list of all instances. */
const COLLECT: Millis = 1000;
/** How often the order of the other zones is looked at again: coordinates change by themselves. */
const REORDER: Millis = 30_000;
const SERVICE = 'service:';
const NODE = 'node:';

/** What plans are made of. */
export interface ZoneSource {
  readonly node: string;
  readonly catalog: CatalogView;
  member(name: string): MemberView | undefined;
  coordinate(name: string): Coordinate | undefined;
}

interface ServiceZones {
  readonly planner: ZonePlanner;
  plan: ZonePlan | undefined;
  isStale: boolean;
  due: Millis;
}

export class ZonePlans implements ZonesView {
  readonly settings: ZoneSettings;
  readonly #source: ZoneSource;
  readonly #services = new Map<string, ServiceZones>();
  /** Not after the earliest of all services. */
  #due: Millis = NEVER;
  /** Of the last input. */
  #now: Millis = 0;
  #own: string | null = null;

  constructor(source: ZoneSource, settings: ZoneSettings) {
    this.#source = source;
    this.settings = settings;
  }

  get deadline(): Millis {
    return this.#due;
  }

  zoneOf(node: string): string | null {
    const { catalog } = this.#source;
    const external = catalog.externalNode(node);
    return (external?.meta ?? this.#source.member(node)?.tags)?.get('zone') || null;
  }

  plan(service: string): ZonePlan | undefined {
    if (this.#own === null) return undefined;
    const zones = this.#services.get(service) ?? this.#services.get(service.toLowerCase());
    if (zones?.isStale === true) this.#update(service.toLowerCase(), zones);
    return zones?.plan;
  }

  /** At the end of each input: takes over what has changed, and adds the services whose plans time has changed. */
  advance(topics: Set<Topic>, now: Millis): void {
    this.#now = now;
    if (topics.size > 0) this.#takeOver(topics);
    if (now < this.#due) return;
    this.#due = NEVER;
    for (const [name, zones] of this.#services) {
      if (zones.due > now) this.#due = Math.min(this.#due, zones.due);
      else if (this.#update(name, zones)) topics.add(`${SERVICE}${name}`);
    }
  }

  #takeOver(topics: ReadonlySet<Topic>): void {
    const { node, catalog } = this.#source;
    if (topics.has(`${NODE}${node}`)) this.#setOwn(this.zoneOf(node));
    if (this.#own === null) return;
    for (const topic of topics) {
      if (topic.startsWith(SERVICE)) this.#markStale(topic.slice(SERVICE.length));
      else if (topic.startsWith(NODE))
        for (const { service } of catalog.node(topic.slice(NODE.length))?.instances ?? [])
          this.#markStale(service.name.toLowerCase());
    }
  }

  #setOwn(zone: string | null): void {
    const own = this.settings.spill === null ? null : zone;
    if (own === this.#own) return;
    this.#own = own;
    if (own === null) {
      this.#services.clear();
      this.#due = NEVER;
    } else for (const name of this.#source.catalog.services().keys()) this.#markStale(name.toLowerCase());
  }

  #markStale(name: string): void {
    const { spill, hold } = this.settings;
    const zones = this.#services.get(name) ?? {
      planner: new ZonePlanner(spill ?? 1, hold),
      ...{ plan: undefined, isStale: false, due: NEVER },
    };
    this.#services.set(name, zones);
    if (zones.isStale) return;
    zones.isStale = true;
    zones.due = Math.min(zones.due, this.#now + COLLECT);
    this.#due = Math.min(this.#due, zones.due);
  }

  /** Returns whether the plan is another one. */
  #update(name: string, zones: ServiceZones): boolean {
    const before = zones.plan;
    const plan = zones.planner.update(this.#locate(name), this.#own ?? '', this.#now);
    zones.plan = plan.zones.length === 0 ? undefined : plan;
    zones.isStale = false;
    const reorderAt = plan.zones.length > 2 ? this.#now + REORDER : NEVER;
    zones.due = Math.min(zones.planner.deadline, reorderAt);
    this.#due = Math.min(this.#due, zones.due);
    if (zones.plan === undefined) this.#services.delete(name);
    return zones.plan !== before;
  }

  *#locate(service: string): Iterable<LocatedInstance> {
    const { catalog, node: self } = this.#source;
    const here = this.#source.coordinate(self);
    const usable = new Set(catalog.usable(service));
    for (const instance of catalog.instances(service)) {
      const { node } = instance;
      const there = node === self ? here : this.#source.coordinate(node);
      const rtt =
        here === undefined || there === undefined ? null : there === here ? 0 : distance(here, there);
      yield {
        zone: this.zoneOf(node),
        rtt,
        usable: usable.has(instance) && effectiveWeight(instance) > 0,
      };
    }
  }
}
