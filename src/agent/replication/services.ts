/**
 * Services and checks on the landing: what is registered here goes into our ledger, what others publish comes out of
 * theirs. Binds checks/ and catalog/, which do not know each other, to commands, members and lanes.
 */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Catalog } from '../../catalog/catalog.ts';
import type { CatalogView } from '../../catalog/types.ts';
import { CatalogIndex, type CatalogTopic } from '../../catalog/view.ts';
import { Registry } from '../../checks/registry.ts';
import type { CheckEffect, LocalView, Outcome, Remembered } from '../../checks/types.ts';
import type { SerfEvent, SerfView } from '../../serf/types.ts';
import { retransmitLimit } from '../../swim/broadcasts.ts';
import type { Member, MembersView } from '../../swim/types.ts';
import type { Command } from '../contract/commands.ts';
import type { Lane } from '../contract/lane.ts';
import type { Effect } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import { Capable } from './catalog-peers.ts';
import { Replication, type ReplicationHost } from './replication.ts';
import { Warmth } from './restored-catalog.ts';

/** Commands about services and checks. */
export type ServiceCommand = Extract<
  Command,
  {
    kind:
      | 'registerService'
      | 'deregisterService'
      | 'registerCheck'
      | 'deregisterCheck'
      | 'updateCheck'
      | 'maintenance'
      | 'drain';
  }
>;

export interface ServicesRooms {
  readonly members: MembersView;
  readonly serf: SerfView;
  readonly rng: Rng;
  /** What one rumor may take of a packet. */
  readonly rumorBytes: number;
  readonly host: ReplicationHost;
}

export class Services {
  readonly capable: Capable;
  readonly replication: Replication;
  readonly lanes: readonly Lane[];
  /** Who is only remembered. */
  readonly warmth: Warmth;
  readonly #registry: Registry;
  readonly #catalog: Catalog;
  readonly #index: CatalogIndex;
  readonly #touch: (topics: Iterable<CatalogTopic>) => void;
  readonly #effects: CheckEffect[] = [];

  constructor(options: AgentOptions, rooms: ServicesRooms) {
    const { name, snapshot, bornAt, now, swim } = options;
    const { members, serf, rng, host, rumorBytes } = rooms;
    this.#touch = (topics) => host.touch(topics);
    this.warmth = new Warmth(options);
    const { warmth } = this;
    this.capable = new Capable(members, rng.fork());
    this.#registry = new Registry({
      rng: rng.fork(),
      now,
      allowExec: options.allowExec === true,
      ...(snapshot?.registered === undefined ? {} : { remembered: snapshot.registered }),
      absence: Math.max(0, bornAt - (snapshot?.at ?? bornAt)),
    });
    const catalog = new Catalog({
      owner: name,
      // Two births within one millisecond still begin two epochs.
      epoch: Math.max(bornAt * 1024 + rng.int(1024), (snapshot?.epoch ?? 0) + 1),
      ...(warmth.memory === undefined ? {} : { memory: warmth.memory }),
      ...(options.internEntries === undefined ? {} : { intern: options.internEntries }),
      admits: (owner) => (serf.get(owner)?.status ?? 'left') !== 'left',
    });
    this.#catalog = catalog;
    this.#index = new CatalogIndex({
      owners: () => catalog.owners(),
      entries: (owner) => catalog.entries(owner),
      // Agents that begin anew together hold the same ledgers: that is no proof that an owner is still there.
      isWarm: (owner) => catalog.isWarm(owner) || warmth.isAwaited(owner),
    });
    for (const owner of warmth.awaited()) this.#index.ownerState(owner, true, new Set());
    this.replication = new Replication(
      {
        self: name,
        catalog,
        index: this.#index,
        capable: this.capable,
        host,
        rng: rng.fork(),
        gossipInterval: swim.gossipInterval,
        gossipNodes: swim.gossipNodes,
        rumorBytes,
      },
      now,
    );
    const limit = (): number => retransmitLimit(swim.retransmitMult, this.capable.count);
    const mayReach = (peer: Member): boolean => this.capable.is(peer);
    this.lanes = [
      { name: 'urgent', queue: this.replication.urgent, limit, user: true, mayReach },
      { name: 'catalog', queue: this.replication.rumors, limit, user: true, mayReach },
    ];
  }

  get view(): CatalogView {
    return this.#index;
  }

  get local(): LocalView {
    return this.#registry.view;
  }

  get deadline(): Millis {
    return Math.min(this.#registry.deadline, this.replication.deadline, this.warmth.deadline);
  }

  /** Grows when there is something new to remember. */
  get version(): number {
    return this.#registry.version;
  }

  remember(now: Millis): { readonly registered: Remembered; readonly epoch: number } {
    return { registered: this.#registry.remember(now), epoch: this.#catalog.epoch };
  }

  /** The same array until the catalogue changes. */
  get summary(): Uint8Array {
    return this.#catalog.summary();
  }

  rememberCatalog(): Uint8Array {
    return this.#catalog.remember();
  }

  start(now: Millis, out: Effect[]): void {
    const { refused: why } = this.warmth;
    if (why !== undefined)
      out.push({ kind: 'fact', fact: { kind: 'rememberedRefused', what: 'catalog', why } });
    this.replication.start(now);
  }

  /** Throws `AgentError` with nothing changed. */
  command(command: ServiceCommand, now: Millis, out: Effect[]): void {
    const registry = this.#registry;
    const effects = this.#effects;
    switch (command.kind) {
      case 'registerService': {
        const { fromFile, replaceChecks } = command;
        registry.registerService(command.service, command.checks, { fromFile, replaceChecks }, now, effects);
        break;
      }
      case 'deregisterService':
        registry.deregisterService(command.id, now, effects);
        break;
      case 'registerCheck':
        registry.registerCheck(command.check, { fromFile: false }, now, effects);
        break;
      case 'deregisterCheck':
        registry.deregisterCheck(command.id, now, effects);
        break;
      case 'updateCheck':
        registry.updateCheck(command.id, command.status, command.output, now, effects);
        break;
      case 'maintenance':
        registry.maintenance(command.service, command.on, command.reason, now, effects);
        break;
      case 'drain':
        registry.drain(command.service, command.on, now, effects);
    }
    this.#settle(now, out);
  }

  checked(outcome: Outcome, now: Millis, out: Effect[]): void {
    this.#registry.checked(outcome, now, this.#effects);
    this.#settle(now, out);
  }

  tick(now: Millis, out: Effect[]): void {
    this.#registry.tick(now, this.#effects);
    this.#settle(now, out);
    this.replication.tick(now);
    for (const owner of this.warmth.expired(now)) this.replication.memberGone(owner);
  }

  /** Membership decides whose services exist, and whose pass. */
  memberEvent({ kind, member: { name } }: SerfEvent, now: Millis): void {
    this.capable.stir();
    if (this.warmth.met(name)) this.#tellMet(name);
    switch (kind) {
      case 'joined':
        return this.replication.memberUp(name, now);
      case 'failed':
        return this.replication.memberDown(name);
      case 'left':
      case 'reaped':
        return this.replication.memberGone(name);
      case 'updated':
      case 'leaving':
    }
  }

  /** Who lives there, if our own messages may be sent there. */
  capableAt(to: Address): Member | undefined {
    return this.capable.at(to.key);
  }

  /** A node we answered for is seen by readers as membership sees it, from here on. */
  #tellMet(name: string): void {
    const topics = new Set<CatalogTopic>();
    this.#index.confirmed(name, topics);
    this.#touch(topics);
  }

  #settle(now: Millis, out: Effect[]): void {
    for (const effect of this.#effects.splice(0)) {
      switch (effect.kind) {
        case 'run':
          out.push({ kind: 'runCheck', order: effect.order });
          break;
        case 'publish':
          this.replication.publish(effect.changes, now);
          break;
        case 'fact':
          out.push({ kind: 'fact', fact: effect.fact });
      }
    }
  }
}
