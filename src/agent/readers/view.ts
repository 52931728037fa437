/** What readers see: members with swim's row and Serf's status in one, and the index each topic last changed at. */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { CatalogView } from '../../catalog/types.ts';
import type { LocalView } from '../../checks/types.ts';
import type { Coordinate } from '../../serf/coordinates.ts';
import type { Serf } from '../../serf/serf.ts';
import type {
  AskedQuestion,
  HeardQuery,
  QuestionId,
  SerfMember,
  SerfView,
  UserEventHeard,
} from '../../serf/types.ts';
import type { MembersView } from '../../swim/types.ts';
import type { KeyReport } from '../contract/commands.ts';
import type { Dossier } from '../contract/evidence.ts';
import type { Effect } from '../contract/machine.ts';
import type { AgentHealth, Changed, MemberView, Outlook, Topic, View } from '../contract/view.ts';
import type { Evidence } from '../evidence/log.ts';
import { Changes } from './change-log.ts';

/** More than serf/ keeps. */
const MAX_OVER = 256;
const SERVICE = 'service:';

/** The one implementation of `View`. The landing touches topics; nobody else writes. */
export class LandingView implements View {
  readonly node: string;
  readonly catalog: CatalogView;
  readonly local: LocalView;
  readonly #members: MembersView;
  readonly #serf: SerfView;
  readonly #room: Serf;
  readonly #evidence: Evidence;
  readonly #keyReport: (id: number) => KeyReport | undefined;
  readonly #health: () => AgentHealth;
  readonly #outlook: () => Outlook;
  readonly #remembered: (name: string) => MemberView | undefined;
  readonly #indexes = new Map<Topic, number>();
  #index: number;
  #sorted: readonly MemberView[] | undefined;
  #touched = new Set<Topic>();
  readonly #changes: Changes;
  /** Members touched since the last `settle`. */
  readonly #stirred = new Set<string>();
  /** Queries of ours that are over and whose topics are still known, oldest first. */
  readonly #over: Topic[] = [];

  constructor(sources: {
    readonly members: MembersView;
    readonly serf: Serf;
    readonly evidence: Evidence;
    readonly keyReport: (id: number) => KeyReport | undefined;
    readonly catalog: CatalogView;
    readonly local: LocalView;
    readonly health: () => AgentHealth;
    readonly outlook: () => Outlook;
    /** A node of the last life that was not met again. */
    readonly remembered: (name: string) => MemberView | undefined;
    /** Where indexes start: wall-clock milliseconds, so that none is used twice after a restart (http.md B3). */
    readonly indexSeed: number;
  }) {
    this.node = sources.members.self.identity.name;
    this.catalog = sources.catalog;
    this.local = sources.local;
    this.#members = sources.members;
    this.#serf = sources.serf.view;
    this.#room = sources.serf;
    this.#evidence = sources.evidence;
    this.#keyReport = sources.keyReport;
    this.#health = sources.health;
    this.#outlook = sources.outlook;
    this.#remembered = sources.remembered;
    this.#index = Math.max(1, sources.indexSeed);
    this.#changes = new Changes(this.#index);
    for (const topic of ['anything', 'nodes', 'members', 'services', 'checks', 'events', 'queries'] as const)
      this.#indexes.set(topic, this.#index);
  }

  get address(): Address {
    return this.#members.self.identity.address;
  }

  self(): MemberView {
    const held = this.#serf.get(this.node);
    if (held !== undefined) return memberView(held, this.#members);
    // Only before the first input: we are in swim's table, but Serf has not heard of us yet.
    const member = this.#members.self;
    return memberView(
      { name: this.node, status: 'alive', statusLTime: 0, downAt: undefined, member, tags: new Map() },
      this.#members,
    );
  }

  members(): readonly MemberView[] {
    this.#sorted ??= [...this.#serf.all()]
      .map((held) => memberView(held, this.#members))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  member(name: string): MemberView | undefined {
    const met = this.met(name);
    if (met?.name === name) return met;
    const remembered = this.#remembered(name);
    return remembered?.name === name ? remembered : (met ?? remembered);
  }

  /** Likewise, without those that are only remembered. */
  met(name: string): MemberView | undefined {
    const exact = this.#serf.get(name);
    if (exact !== undefined) return memberView(exact, this.#members);
    const folded = name.toLowerCase();
    return this.members().find((one) => one.name.toLowerCase() === folded);
  }

  indexOf(topics: readonly Topic[]): number {
    let largest = 1;
    for (const topic of topics) {
      // A name nobody has yet can be waited for: it stands where the set of nodes stood at birth.
      const index = this.#indexes.get(topic) ?? 1;
      if (index > largest) largest = index;
    }
    return largest;
  }

  changedAfter(index: number): readonly Changed[] | undefined {
    return this.#changes.after(index, this.#index);
  }

  health(): AgentHealth {
    return this.#health();
  }

  evidence(name: string): Dossier | undefined {
    return this.#evidence.about(name);
  }

  outlook(): Outlook {
    return this.#outlook();
  }

  coordinate(name: string): Coordinate | undefined {
    const { coordinates } = this.#room;
    return name === this.node ? coordinates.own : coordinates.of(name);
  }

  events(): readonly UserEventHeard[] {
    return this.#room.recentEvents;
  }

  question(id: QuestionId): AskedQuestion | undefined {
    return this.#room.question(id);
  }

  waitingQueries(): readonly HeardQuery[] {
    return this.#room.waitingQueries;
  }

  /** Something came of a query of ours. */
  answered({ id, finished }: AskedQuestion): void {
    this.#touched.add(`question:${id}`);
    if (finished) this.#endTopic(`question:${id}`);
  }

  keyReport(id: number): KeyReport | undefined {
    return this.#keyReport(id);
  }

  /** An operation on all keys went on. */
  touchKeys(id: number, finished: boolean): void {
    this.#touched.add(`keys:${id}`);
    if (finished) this.#endTopic(`keys:${id}`);
  }

  #endTopic(topic: Topic): void {
    this.#over.push(topic);
    if (this.#over.length > MAX_OVER) this.#indexes.delete(this.#over.shift() as Topic);
  }

  /** A user event was heard, and perhaps an older one dropped for it. */
  heard(event: UserEventHeard, dropped: UserEventHeard | undefined): void {
    this.#touched.add('events');
    this.#touched.add(`event:${event.name}`);
    // Names that come and go must not pile up.
    if (dropped !== undefined && this.events().every((one) => one.name !== dropped.name))
      this.#indexes.delete(`event:${dropped.name}`);
  }

  /** A reader can see something new about `name`; `listed` if the list of nodes itself shows it. */
  touch(name: string, listed: boolean): void {
    this.#sorted = undefined;
    this.#touched.add('members');
    this.#stirred.add(name);
    if (!listed) return;
    this.#touched.add('nodes');
    this.#touched.add(`node:${name}`);
  }

  /** Topics the catalogue names itself. */
  touchTopics(topics: Iterable<Topic>): void {
    for (const topic of topics) this.#touched.add(topic);
  }

  /** Facts are kept for readers who ask why. */
  witness(effects: readonly Effect[], from: number, now: Millis): void {
    this.#evidence.watch(effects, from, now);
  }

  /** Topics touched since the last call, each with a new index; `undefined` if none. */
  settle(): readonly Topic[] | undefined {
    if (this.#touched.size === 0) return undefined;
    this.#index += 1;
    this.#touched.add('anything');
    const topics = [...this.#touched];
    for (const topic of topics) {
      this.#indexes.set(topic, this.#index);
      if (topic.startsWith(SERVICE)) this.#changes.add('service', topic.slice(SERVICE.length), this.#index);
    }
    for (const name of this.#stirred) this.#changes.add('member', name, this.#index);
    this.#stirred.clear();
    this.#touched = new Set();
    return topics;
  }

  /** A reaped member's own topic is forgotten, so that names that come and go do not pile up. */
  forget(name: string): void {
    this.#touched.delete(`node:${name}`);
    this.#indexes.delete(`node:${name}`);
  }
}

function memberView(held: SerfMember, members: MembersView): MemberView {
  const row = members.get(held.name) ?? held.member;
  return {
    name: held.name,
    address: row.identity.address,
    tags: held.tags,
    status: held.status === 'alive' && row.state === 'suspect' ? 'suspect' : held.status,
    serf: held,
    state: row.state,
    incarnation: row.incarnation,
    since: row.since,
    vsn: row.identity.vsn,
  };
}
