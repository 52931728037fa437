/**
 * Laws of the catalog, checked from outside: observers show what the owner published (I7), removed entries do not
 * return (I8), services of dead owners are not served and those of returned owners are (I9), own changes are gossiped
 * soon (I12), readers miss no change (I14, L4), Serf peers get no catalog messages (P64), and in the quiet period all
 * agree (L3).
 */

import type { Fact } from '../../../agent/contract/facts.ts';
import type { Topic } from '../../../agent/contract/view.ts';
import { copyBytes, sameBytes } from '../../../base/bytes.ts';
import { WireError } from '../../../base/errors.ts';
import type { Millis } from '../../../base/time.ts';
import { TOMBSTONE_TTL } from '../../../catalog/replica.ts';
import type { Instance, InstanceStatus, NodeCatalog } from '../../../catalog/types.ts';
import { decodeCatalog, isCatalogType } from '../../../wire/catalog.ts';
import { MESSAGE_TYPE } from '../../../wire/memberlist.ts';
import type { SimHost } from '../../world/host.ts';
import type { World } from '../../world/world.ts';
import type { LawContext } from '../law.ts';
import { subscribeDatagrams } from '../wire/wiretap.ts';
import { BlockingQueryLaws } from './blocking-queries.ts';
import { canonicalText, entriesFromNode, Histories } from './histories.ts';
import { listingDisagreements } from './listings.ts';

const SWEEP_EVERY: Millis = 1000;
/** Rounds of gossip within which a host must first send its own changes (I12). */
const MAX_ROUNDS = 8;

export class CatalogLaws {
  readonly #context: LawContext;
  readonly #world: World;
  readonly #histories: Histories;
  readonly #blockingQueries: BlockingQueryLaws;
  /** Names that two hosts have claimed: what is published under one of them has no order. */
  readonly #contested = new Set<string>();
  /** What observers showed last, by observer and owner. The view returns the same object until something changes. */
  readonly #lastSeen = new Map<string, Map<string, NodeCatalog | undefined>>();
  /** Since when a host has had changes of its own that it has not sent. */
  readonly #unsentSince = new Map<SimHost, Millis>();
  /** When a host last sent changes of its own. */
  readonly #sentAt = new Map<SimHost, Millis>();
  readonly #services = new Set<string>();
  readonly #ledgerOwners = new LedgerOwners();
  readonly #clocks = new Map<SimHost, Millis>();
  #hasSerfPeers = false;

  constructor(context: LawContext) {
    const { world } = context;
    this.#context = context;
    this.#world = world;
    this.#histories = new Histories(context);
    this.#blockingQueries = new BlockingQueryLaws(context);
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
    if (host.options.serfPeer === true) this.#hasSerfPeers = true;
    this.#histories.resetObserver(host.label);
    this.#lastSeen.delete(host.label);
    this.#unsentSince.delete(host);
    this.#blockingQueries.resetHost(host);
    if (host.wallClockOffset < (this.#clocks.get(host) ?? host.wallClockOffset))
      this.#histories.allowReordering(host.name);
    this.#clocks.set(host, host.wallClockOffset);
    for (const other of this.#world.hosts)
      if (other !== host && other.name === host.name && other.bootCount > 0) this.#contested.add(host.name);
    this.#histories.recordPublished(host.name, new Map(), this.#world.now);
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

  /** Records what the host publishes now. */
  #recordPublished(host: SimHost): void {
    const own = host.runningAgent.view.catalog.node(host.name);
    // Names come from the view, not from topics: a change without a topic would not be missed then.
    for (const { service } of own?.instances ?? []) this.#services.add(service.name.toLowerCase());
    const changed = this.#histories.recordPublished(host.name, entriesFromNode(own), this.#world.now);
    // If two hosts share a name, each change of one looks like a change of the other.
    if (!changed || this.#contested.has(host.name) || this.#unsentSince.has(host)) return;
    // A datagram is seen before the facts of its input, and to a single peer the first copy is the only one.
    if (this.#sentAt.get(host) !== this.#world.now) this.#unsentSince.set(host, this.#world.now);
  }

  #checkOwner(host: SimHost, owner: string): void {
    const { view } = host.runningAgent;
    if (view.catalog.externalNode(owner) !== undefined) return; // I27 judges these
    const member = view.member(owner);
    const isKnown = member?.name === owner;
    const status = isKnown ? member.status : 'left';
    const node = view.catalog.node(owner);
    if (status === 'left') this.#histories.dropOwner(host.label, owner);
    this.#checkServed(host, owner, isKnown && member.refused === true ? 'refused' : status, node);
    if (owner === host.name || this.#contested.has(owner)) return;
    let seen = this.#lastSeen.get(host.label);
    if (seen === undefined) {
      seen = new Map();
      this.#lastSeen.set(host.label, seen);
    }
    if (seen.has(owner) && seen.get(owner) === node) return;
    seen.set(owner, node);
    for (const other of this.#world.hosts)
      if (other.name === owner && other.running) this.#recordPublished(other);
    const sweptBefore = this.#world.now - 2 * (host.options.retention?.tombstones ?? TOMBSTONE_TTL);
    for (const violation of this.#histories.checkObserved(
      host.label,
      owner,
      entriesFromNode(node),
      sweptBefore,
    ))
      this.#context.reportViolation(`${violation.slice(0, 2)} at ${host.label}: ${violation.slice(3)}`);
  }

  /** I9: services of an owner that is down are not served, and those of one that is up are, if their checks pass. */
  #checkServed(host: SimHost, owner: string, status: string, node: NodeCatalog | undefined): void {
    if (node === undefined) return;
    const usable = usableInstances(host, owner, node);
    for (const instance of node.instances) {
      const { service } = instance;
      const served = usable.get(service.name)?.get(service.id);
      const isServed = served !== undefined && isSame(served, instance);
      const what = `${owner}'s ${service.id}`;
      if (status === 'failed' || status === 'left' || status === 'refused') {
        this.#context.judged('I9 of a node that is down');
        if (isServed || instance.up)
          this.#context.reportViolation(`I9 ${host.label} serves ${what}, and sees ${owner} as ${status}`);
      } else if (status === 'alive' || status === 'suspect' || status === 'away') {
        this.#context.judged('I9');
        const expected = expectedStatus(instance);
        const shouldServe = expected === 'passing' || expected === 'warning';
        if (!instance.up || instance.status !== expected || isServed !== shouldServe)
          this.#context.reportViolation(
            `I9 ${host.label} shows ${what} as ${instance.status}${isServed ? '' : ', not served'} instead of ${expected}`,
          );
      }
    }
  }

  #onDatagram(host: SimHost, to: SimHost | undefined, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      if (message[0] !== MESSAGE_TYPE.user || !isCatalogType(message[1] ?? 0)) continue;
      if (this.#hasSerfPeers) this.#context.judged('P64');
      if (to?.options.serfPeer === true)
        this.#context.reportViolation(
          `P64 ${host.label} sent ${to.label}, a Serf peer, a catalog message of type ${message[1]}`,
        );
      if (this.#ledgerOwners.of(message.subarray(1)) !== host.name) continue;
      this.#sentAt.set(host, this.#world.now);
      this.#unsentSince.delete(host);
    }
  }

  /** I12: a host that has a peer sends its own changes soon, whatever else is in the queues. */
  #checkUnsent(host: SimHost): void {
    const since = this.#unsentSince.get(host);
    if (since === undefined) return;
    this.#context.judged('I12');
    const { view } = host.runningAgent;
    const hasPeer = view
      .members()
      .some(({ name, status, tags }) => name !== host.name && status === 'alive' && tags.has('hearsay'));
    if (host.paused || !hasPeer || view.health().leaving) this.#unsentSince.set(host, this.#world.now);
    else if (this.#world.now - since > MAX_ROUNDS * host.swim.gossipInterval + SWEEP_EVERY) {
      this.#context.reportViolation(
        `I12 ${host.label} has sent nothing of its own changes for ${Math.round(this.#world.now - since)} ms`,
      );
      this.#unsentSince.delete(host);
    }
  }
}

/** One rumor is sent many times, so messages are decoded once: the last one of each length is kept. */
class LedgerOwners {
  readonly #byLength = new Map<
    number,
    { readonly message: Uint8Array; readonly owner: string | undefined }
  >();

  of(message: Uint8Array): string | undefined {
    const last = this.#byLength.get(message.length);
    if (last !== undefined && sameBytes(last.message, message)) return last.owner;
    const owner = ledgerOwner(message);
    this.#byLength.set(message.length, { message: copyBytes(message), owner });
    return owner;
  }
}

/** The owner of the ledger that a message is about; `undefined` if it is about none or cannot be read. */
function ledgerOwner(message: Uint8Array): string | undefined {
  try {
    const body = decodeCatalog(message);
    return 'owner' in body ? body.owner : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** Equal copies count as the same: hosts of one world intern entries, and may exchange one copy for another. */
const isSame = (a: Instance, b: Instance): boolean =>
  a === b || (a.status === b.status && canonicalText(a.service) === canonicalText(b.service));

/** The instances of one owner that a host would use, by service name and id. */
function usableInstances(
  host: SimHost,
  owner: string,
  { instances }: NodeCatalog,
): ReadonlyMap<string, ReadonlyMap<string, Instance>> {
  const { catalog } = host.runningAgent.view;
  const usable = new Map<string, Map<string, Instance>>();
  for (const { service } of instances) {
    if (usable.has(service.name)) continue;
    const ofOwner = catalog.usable(service.name).filter((one) => one.node === owner);
    usable.set(service.name, new Map(ofOwner.map((one) => [one.service.id, one])));
  }
  return usable;
}

/** The status that an instance of a live owner must have, computed from its checks and flags. */
function expectedStatus({ service, checks, nodeChecks }: Instance): InstanceStatus {
  const all = [...checks, ...nodeChecks];
  if (all.some(({ type }) => type === 'maintenance')) return 'maintenance';
  if (service.draining) return 'draining';
  for (const status of ['critical', 'warning'] as const)
    if (all.some((one) => one.status === status)) return status;
  return 'passing';
}

/**
 * L3, L5 and L8: every running host shows of every other exactly what that one publishes, which is what is registered there; it
 * serves nothing of a host that does not run, and has no message of the catalog left to send. One line for each disagreement.
 */
export function catalogDisagreements(world: World): string[] {
  const running = [...world.hosts].filter((host) => host.running && host.options.serfPeer !== true);
  const names = new Set(running.map((host) => host.name));
  return [
    ...running.flatMap((owner) => [
      ...registrationDisagreements(owner),
      ...observerDisagreements(owner, running),
      ...(running.length > 1 ? unsentMessages(owner) : []),
    ]),
    ...running.flatMap((host) => servedWithoutOwner(host, names)),
    ...listingDisagreements(world),
  ];
}

/** What a host publishes differently from what is registered there. */
function registrationDisagreements({ label, name, runningAgent }: SimHost): string[] {
  const { catalog, local } = runningAgent.view;
  const own = catalog.node(name);
  const published = (own?.instances ?? []).map(({ service }) => service.id).sort();
  const registered = [...local.services().keys()].sort();
  const found: string[] = [];
  if (published.join('\n') !== registered.join('\n'))
    found.push(
      `${label} publishes ${published.join(', ') || 'nothing'} of ${registered.join(', ') || 'nothing'}`,
    );
  const entries = entriesFromNode(own);
  for (const [id, { status }] of local.checks()) {
    const check = entries.get(`c:${id}`);
    if (check?.kind !== 'check') found.push(`${label} does not publish its check ${id}`);
    else if (check.status !== status)
      found.push(`${label} publishes its check ${id} as ${check.status}, and it is ${status}`);
  }
  return found;
}

/** Hosts that show of `owner` something else than it publishes. */
function observerDisagreements(owner: SimHost, running: readonly SimHost[]): string[] {
  const shownBy = (host: SimHost): string =>
    [...entriesFromNode(host.runningAgent.view.catalog.node(owner.name)).values()]
      .map(canonicalText)
      .sort()
      .join('\n');
  const published = shownBy(owner);
  return running
    .filter((host) => shownBy(host) !== published)
    .map((host) => `${host.label} does not show what ${owner.label} publishes`);
}

function unsentMessages({ label, runningAgent }: SimHost): string[] {
  const { urgent = 0, catalog = 0 } = runningAgent.view.health().lanes;
  const unsent = urgent + catalog;
  return unsent === 0 ? [] : [`${label} has ${unsent} messages of the catalog left to send`];
}

/** Instances that a host serves though their owner is none of the running `names`. */
function servedWithoutOwner({ label, runningAgent }: SimHost, names: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const { node, instances } of runningAgent.view.catalog.nodes()) {
    if (names.has(node) || runningAgent.view.catalog.externalNode(node) !== undefined) continue; // I27
    for (const { service, status } of instances)
      if (status !== 'critical') found.push(`${label} serves ${service.id} of ${node}, which does not run`);
  }
  return found;
}
