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
import { MESSAGE_TYPE } from '../../../wire/memberlist.ts';
import type { SimHost } from '../../world/host.ts';
import type { World } from '../../world/world.ts';
import { subscribeDatagrams } from '../wire/wiretap.ts';
import { canonicalText, entriesFromNode, Histories } from './histories.ts';
import { BlockingQueryLaws } from './readers.ts';

const SWEEP_EVERY: Millis = 1000;
/** Rounds of gossip that news of one's own may wait before it first leaves (I12). */
const MAX_ROUNDS = 8;

export class CatalogLaws {
  readonly #world: World;
  readonly #reportViolation: (what: string) => void;
  readonly #histories = new Histories();
  readonly #blockingQueries: BlockingQueryLaws;
  /** Names two hosts ever claimed: what is published under one of them has no order. */
  readonly #contested = new Set<string>();
  /** Last looks, by observer and owner: the view gives the same object until something changes. */
  readonly #lastSeen = new Map<string, Map<string, NodeCatalog | undefined>>();
  /** Since when a host has had news of its own that it has told nobody. */
  readonly #unsentSince = new Map<SimHost, Millis>();
  readonly #services = new Set<string>();
  readonly #clocks = new Map<SimHost, Millis>();

  /** `broken` is told of each breach. */
  constructor(world: World, reportViolation: (what: string) => void) {
    this.#world = world;
    this.#reportViolation = reportViolation;
    this.#blockingQueries = new BlockingQueryLaws(reportViolation);
    world.subscribe({
      onStart: (host) => this.#onStart(host),
      onEffects: (host, facts, topics) => this.#onEffects(host, facts, topics),
    });
    subscribeDatagrams(world, (host, to, messages) => this.#onDatagram(host, to, messages ?? []));
    const sweep = (): void => {
      for (const host of world.hosts) if (host.running) this.#checkPeriodically(host);
      world.schedule(world.now + SWEEP_EVERY, sweep);
    };
    world.schedule(world.now + SWEEP_EVERY, sweep);
  }

  #onStart(host: SimHost): void {
    this.#histories.resetObserver(host.label);
    this.#lastSeen.delete(host.label);
    this.#unsentSince.delete(host);
    this.#blockingQueries.resetHost(host);
    if (host.wallClockOffset < (this.#clocks.get(host) ?? host.wallClockOffset))
      this.#histories.allowReordering(host.name);
    this.#clocks.set(host, host.wallClockOffset);
    for (const other of this.#world.hosts)
      if (other !== host && other.name === host.name && other.bootCount > 0) this.#contested.add(host.name);
    this.#histories.recordPublished(host.name, new Map());
  }

  #onEffects(host: SimHost, facts: readonly Fact[], topics: readonly Topic[]): void {
    if (host.agent === undefined) return;
    if (topics.includes(`entries:${host.name}`)) this.#recordPublished(host);
    const owners = new Set<string>();
    for (const fact of facts) {
      if (fact.kind === 'memberLeft' || fact.kind === 'memberReaped')
        this.#histories.dropOwner(host.label, fact.node);
      if ('node' in fact) owners.add(fact.node);
    }
    for (const topic of topics) if (topic.startsWith('entries:')) owners.add(topic.slice('entries:'.length));
    for (const owner of owners) this.#checkOwner(host, owner);
    this.#blockingQueries.checkTopics(host, this.#services, owners, topics);
  }

  #checkPeriodically(host: SimHost): void {
    const { view } = host.runningAgent;
    const owners = view.members().map((member) => member.name);
    this.#recordPublished(host);
    for (const owner of owners) this.#checkOwner(host, owner);
    this.#blockingQueries.checkTopics(host, this.#services, owners, []);
    this.#checkUnsent(host);
  }

  /** Notes what the host publishes now. */
  #recordPublished(host: SimHost): void {
    const own = host.runningAgent.view.catalog.node(host.name);
    // Not from topics: one that is never told would then never be missed.
    for (const { service } of own?.instances ?? []) this.#services.add(service.name.toLowerCase());
    const news = this.#histories.recordPublished(host.name, entriesFromNode(own));
    // Where two bear one name, each change of one looks like news of the other.
    if (news && !this.#contested.has(host.name) && !this.#unsentSince.has(host))
      this.#unsentSince.set(host, this.#world.now);
  }

  #checkOwner(host: SimHost, owner: string): void {
    const { view } = host.runningAgent;
    const member = view.member(owner);
    const status = member?.name === owner ? member.status : 'left';
    const node = view.catalog.node(owner);
    if (status === 'left') this.#histories.dropOwner(host.label, owner);
    this.#checkServed(host, owner, status, node);
    if (owner === host.name || this.#contested.has(owner)) return;
    let looks = this.#lastSeen.get(host.label);
    if (looks === undefined) {
      looks = new Map();
      this.#lastSeen.set(host.label, looks);
    }
    if (looks.has(owner) && looks.get(owner) === node) return;
    looks.set(owner, node);
    for (const other of this.#world.hosts)
      if (other.name === owner && other.running) this.#recordPublished(other);
    for (const wrong of this.#histories.checkObserved(host.label, owner, entriesFromNode(node)))
      this.#reportViolation(`${wrong.slice(0, 2)} at ${host.label}: ${wrong.slice(3)}`);
  }

  /** I9, both ways. */
  #checkServed(host: SimHost, owner: string, status: string, node: NodeCatalog | undefined): void {
    if (node === undefined) return;
    const { catalog } = host.runningAgent.view;
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
        this.#reportViolation(`I9 ${host.label} serves ${what}, and holds ${owner} as ${status}`);
      if (status === 'alive' || status === 'suspect') {
        const due = expectedStatus(instance);
        if (!instance.up || instance.status !== due || usable !== (due === 'passing' || due === 'warning'))
          this.#reportViolation(
            `I9 ${host.label} shows ${what} as ${instance.status}${usable ? '' : ', unserved'} instead of ${due}`,
          );
      }
    }
  }

  #onDatagram(host: SimHost, to: SimHost | undefined, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      if (message[0] !== MESSAGE_TYPE.user || !isCatalogType(message[1] ?? 0)) continue;
      if (to?.options.serfPeer === true)
        this.#reportViolation(
          `P64 ${host.label} sent ${to.label}, a plain peer, a message of type ${message[1]}`,
        );
      if (ledgerOwner(message.subarray(1)) === host.name) this.#unsentSince.delete(host);
    }
  }

  /** I12: whoever has somebody to tell tells soon, whatever else there is to say. */
  #checkUnsent(host: SimHost): void {
    const since = this.#unsentSince.get(host);
    if (since === undefined) return;
    const { view } = host.runningAgent;
    const heard = view
      .members()
      .some(({ name, status, tags }) => name !== host.name && status === 'alive' && tags.has('hearsay'));
    if (host.paused || !heard || view.health().leaving) this.#unsentSince.set(host, this.#world.now);
    else if (this.#world.now - since > MAX_ROUNDS * host.swim.gossipInterval + SWEEP_EVERY) {
      this.#reportViolation(
        `I12 ${host.label} has told nobody for ${Math.round(this.#world.now - since)} ms what it has to say`,
      );
      this.#unsentSince.delete(host);
    }
  }
}

/** Whose ledger a message is about, if it is about one and can be read. */
function ledgerOwner(message: Uint8Array): string | undefined {
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
  a === b || (a.status === b.status && canonicalText(a.service) === canonicalText(b.service));

/** What an instance of an owner who is up is worth, by its own checks and words alone. */
function expectedStatus({ service, checks, nodeChecks }: Instance): InstanceStatus {
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
export function catalogDisagreements(world: World): string[] {
  const running = [...world.hosts].filter((host) => host.running && host.options.serfPeer !== true);
  const names = new Set(running.map((host) => host.name));
  const found: string[] = [];
  const shown = (host: SimHost, owner: string): string =>
    [...entriesFromNode(host.runningAgent.view.catalog.node(owner)).values()]
      .map(canonicalText)
      .sort()
      .join('\n');
  for (const owner of running) {
    const { view } = owner.runningAgent;
    const published = shown(owner, owner.name);
    const own = view.catalog.node(owner.name);
    const ids = own?.instances.map(({ service }) => service.id) ?? [];
    const registered = [...view.local.services().keys()];
    if (ids.sort().join('\n') !== registered.sort().join('\n'))
      found.push(
        `${owner.label} publishes ${ids.join(', ') || 'nothing'} of ${registered.join(', ') || 'nothing'}`,
      );
    for (const [id, { status }] of view.local.checks())
      if (entriesFromNode(own).get(`c:${id}`)?.kind === 'check') {
        const check = entriesFromNode(own).get(`c:${id}`);
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
  for (const { label, runningAgent: live } of running)
    for (const node of live.view.catalog.nodes())
      if (!names.has(node.node))
        for (const { service, status } of node.instances)
          if (status !== 'critical')
            found.push(`${label} serves ${service.id} of ${node.node}, which does not run`);
  return found;
}
