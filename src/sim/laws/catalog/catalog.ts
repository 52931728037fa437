/**
 * Laws of the catalogue, watched from outside: what observers hold is what its owner wrote (I7), the removed stays
 * removed (I8), who is dead does not pass and who is back does (I9), nothing waits for long behind other news (I12),
 * readers miss no change (I14, L4), peers without a catalogue hear nothing of it; and after calm all agree (L3).
 */

import type { Fact } from '../../../agent/contract/facts.ts';
import type { Topic } from '../../../agent/contract/view.ts';
import { WireError } from '../../../base/errors.ts';
import type { Millis } from '../../../base/time.ts';
import type { Instance, InstanceStatus, NodeCatalog } from '../../../catalog/types.ts';
import { decodeCatalog, isCatalogType } from '../../../wire/catalog.ts';
import { TYPE } from '../../../wire/memberlist.ts';
import type { Host } from '../../world/host.ts';
import type { World } from '../../world/world.ts';
import { overhear } from '../wire/wiretap.ts';
import { entriesOf, Histories, textOf } from './histories.ts';
import { Readers } from './readers.ts';

const SWEEP_EVERY: Millis = 1000;
/** Rounds of gossip that news of one's own may wait before it first leaves (I12). */
const MAX_ROUNDS = 8;

export class CatalogueLaws {
  readonly #world: World;
  readonly #broken: (what: string) => void;
  readonly #histories = new Histories();
  readonly #readers: Readers;
  /** Names two hosts ever claimed: what is published under one of them has no order. */
  readonly #contested = new Set<string>();
  /** Last looks, by observer and owner: the view gives the same object until something changes. */
  readonly #looks = new Map<string, Map<string, NodeCatalog | undefined>>();
  /** Since when a host has had news of its own that it has told nobody. */
  readonly #untold = new Map<Host, Millis>();
  readonly #services = new Set<string>();
  readonly #clocks = new Map<Host, Millis>();

  /** `broken` is told of each breach. */
  constructor(world: World, broken: (what: string) => void) {
    this.#world = world;
    this.#broken = broken;
    this.#readers = new Readers(broken);
    world.watch({
      started: (host) => this.#started(host),
      acted: (host, facts, topics) => this.#acted(host, facts, topics),
    });
    overhear(world, (host, to, messages) => this.#sent(host, to, messages ?? []));
    const sweep = (): void => {
      for (const host of world.hosts) if (host.running) this.#sweep(host);
      world.at(world.now + SWEEP_EVERY, sweep);
    };
    world.at(world.now + SWEEP_EVERY, sweep);
  }

  #started(host: Host): void {
    this.#histories.begin(host.label);
    this.#looks.delete(host.label);
    this.#untold.delete(host);
    this.#readers.begin(host);
    if (host.clock < (this.#clocks.get(host) ?? host.clock)) this.#histories.loosen(host.name);
    this.#clocks.set(host, host.clock);
    for (const other of this.#world.hosts)
      if (other !== host && other.name === host.name && other.lives > 0) this.#contested.add(host.name);
    this.#histories.tell(host.name, new Map());
  }

  #acted(host: Host, facts: readonly Fact[], topics: readonly Topic[]): void {
    if (host.agent === undefined) return;
    if (topics.includes(`entries:${host.name}`)) this.#told(host);
    const owners = new Set<string>();
    for (const fact of facts) {
      if (fact.kind === 'memberLeft' || fact.kind === 'memberReaped')
        this.#histories.drop(host.label, fact.node);
      if ('node' in fact) owners.add(fact.node);
    }
    for (const topic of topics) if (topic.startsWith('entries:')) owners.add(topic.slice('entries:'.length));
    for (const owner of owners) this.#look(host, owner);
    this.#readers.read(host, this.#services, owners, topics);
  }

  #sweep(host: Host): void {
    const { view } = host.live;
    const owners = view.members().map((member) => member.name);
    this.#told(host);
    for (const owner of owners) this.#look(host, owner);
    this.#readers.read(host, this.#services, owners, []);
    this.#waited(host);
  }

  /** Notes what the host publishes now. */
  #told(host: Host): void {
    const own = host.live.view.catalog.node(host.name);
    // Not from topics: one that is never told would then never be missed.
    for (const { service } of own?.instances ?? []) this.#services.add(service.name.toLowerCase());
    const news = this.#histories.tell(host.name, entriesOf(own));
    // Where two bear one name, each change of one looks like news of the other.
    if (news && !this.#contested.has(host.name) && !this.#untold.has(host))
      this.#untold.set(host, this.#world.now);
  }

  #look(host: Host, owner: string): void {
    const { view } = host.live;
    const member = view.member(owner);
    const status = member?.name === owner ? member.status : 'left';
    const node = view.catalog.node(owner);
    if (status === 'left') this.#histories.drop(host.label, owner);
    this.#passing(host, owner, status, node);
    if (owner === host.name || this.#contested.has(owner)) return;
    let looks = this.#looks.get(host.label);
    if (looks === undefined) {
      looks = new Map();
      this.#looks.set(host.label, looks);
    }
    if (looks.has(owner) && looks.get(owner) === node) return;
    looks.set(owner, node);
    for (const other of this.#world.hosts) if (other.name === owner && other.running) this.#told(other);
    for (const wrong of this.#histories.look(host.label, owner, entriesOf(node)))
      this.#broken(`${wrong.slice(0, 2)} at ${host.label}: ${wrong.slice(3)}`);
  }

  /** I9, both ways. */
  #passing(host: Host, owner: string, status: string, node: NodeCatalog | undefined): void {
    if (node === undefined) return;
    const { catalog } = host.live.view;
    const served = new Map<string, Map<string, Instance>>();
    for (const { service } of node.instances)
      if (!served.has(service.name))
        served.set(
          service.name,
          new Map(
            catalog
              .usable(service.name)
              .filter((one) => one.node === owner)
              .map((one) => [one.service.id, one]),
          ),
        );
    const gone = status === 'failed' || status === 'left';
    for (const instance of node.instances) {
      const { service } = instance;
      const one = served.get(service.name)?.get(service.id);
      const usable = one !== undefined && isSame(one, instance);
      const what = `${owner}'s ${service.id}`;
      if (gone && (usable || instance.up))
        this.#broken(`I9 ${host.label} serves ${what}, and holds ${owner} as ${status}`);
      if (status === 'alive' || status === 'suspect') {
        const due = statusOf(instance);
        if (!instance.up || instance.status !== due || usable !== (due === 'passing' || due === 'warning'))
          this.#broken(
            `I9 ${host.label} shows ${what} as ${instance.status}${usable ? '' : ', unserved'} instead of ${due}`,
          );
      }
    }
  }

  #sent(host: Host, to: Host | undefined, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      if (message[0] !== TYPE.user || !isCatalogType(message[1] ?? 0)) continue;
      if (to?.options.plain === true)
        this.#broken(
          `design 4(b) ${host.label} sent ${to.label}, a plain peer, a message of type ${message[1]}`,
        );
      if (ownerOf(message.subarray(1)) === host.name) this.#untold.delete(host);
    }
  }

  /** I12: whoever has somebody to tell tells soon, whatever else there is to say. */
  #waited(host: Host): void {
    const since = this.#untold.get(host);
    if (since === undefined) return;
    const { view } = host.live;
    const heard = view
      .members()
      .some(({ name, status, tags }) => name !== host.name && status === 'alive' && tags.has('hearsay'));
    if (host.paused || !heard || view.health().leaving) this.#untold.set(host, this.#world.now);
    else if (this.#world.now - since > MAX_ROUNDS * host.swim.gossipInterval + SWEEP_EVERY) {
      this.#broken(
        `I12 ${host.label} has told nobody for ${Math.round(this.#world.now - since)} ms what it has to say`,
      );
      this.#untold.delete(host);
    }
  }
}

/** Whose ledger a message is about, if it is about one and can be read. */
function ownerOf(message: Uint8Array): string | undefined {
  try {
    const body = decodeCatalog(message);
    return 'owner' in body ? body.owner : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** An equal copy will do: hosts of one world share what they hold, and may exchange one for the other. */
const isSame = (a: Instance, b: Instance): boolean =>
  a === b || (a.status === b.status && textOf(a.service) === textOf(b.service));

/** What an instance of an owner who is up is worth, by its own checks and words alone. */
function statusOf({ service, checks, nodeChecks }: Instance): InstanceStatus {
  const all = [...checks, ...nodeChecks];
  if (all.some(({ type }) => type === 'maintenance')) return 'maintenance';
  if (service.draining) return 'draining';
  for (const status of ['critical', 'warning'] as const)
    if (all.some((one) => one.status === status)) return status;
  return 'passing';
}

/**
 * L3: every running host shows of every other exactly what that one publishes, which is what is registered there, and
 * serves nothing of anybody who does not run; L5: nobody has anything left to say. One clause for each breach.
 */
export function catalogueDisagreements(world: World): string[] {
  const running = [...world.hosts].filter((host) => host.running && host.options.plain !== true);
  const names = new Set(running.map((host) => host.name));
  const found: string[] = [];
  const shown = (host: Host, owner: string): string =>
    [...entriesOf(host.live.view.catalog.node(owner)).values()].map(textOf).sort().join('\n');
  for (const owner of running) {
    const { view } = owner.live;
    const published = shown(owner, owner.name);
    const own = view.catalog.node(owner.name);
    const ids = own?.instances.map(({ service }) => service.id) ?? [];
    const registered = [...view.local.services().keys()];
    if (ids.sort().join('\n') !== registered.sort().join('\n'))
      found.push(
        `${owner.label} publishes ${ids.join(', ') || 'nothing'} of ${registered.join(', ') || 'nothing'}`,
      );
    for (const [id, { status }] of view.local.checks())
      if (entriesOf(own).get(`c:${id}`)?.kind === 'check') {
        const check = entriesOf(own).get(`c:${id}`);
        if (check?.kind === 'check' && check.status !== status)
          found.push(`${owner.label} publishes its check ${id} as ${check.status}, and it is ${status}`);
      } else found.push(`${owner.label} does not publish its check ${id}`);
    for (const host of running)
      if (shown(host, owner.name) !== published)
        found.push(`${host.label} does not show of ${owner.label} what that publishes`);
    const { urgent = 0, catalog = 0 } = view.health().lanes;
    if (running.length > 1 && urgent + catalog > 0)
      found.push(`${owner.label} has ${urgent + catalog} messages of the catalogue left to say`);
  }
  for (const { label, live } of running)
    for (const node of live.view.catalog.nodes())
      if (!names.has(node.node))
        for (const { service, status } of node.instances)
          if (status !== 'critical')
            found.push(`${label} serves ${service.id} of ${node.node}, which does not run`);
  return found;
}
