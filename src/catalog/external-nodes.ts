/**
 * External nodes: hosts that are no members. What was registered of one stands in the ledger of the agent that took the
 * registration, its owner. Here the changes of ledgers are passed to the readers' index: those of an owner's own node as
 * they are, and those of external nodes under the names of these, as if each had a ledger of its own.
 *
 * If several agents own a name, all readers choose the latest registration; a member of that name hides them all, and a
 * registration that stands for a removal the earlier ones (A43).
 */
import { type Millis, NEVER } from '../base/time.ts';
import { isJobKey } from '../model/job-entries.ts';
import { isPartitionKey, poolOfKey } from '../model/partition-entries.ts';
import {
  type Check,
  type Entry,
  type EntryKey,
  type ExternalNode,
  parseExternalKey,
  type Service,
} from '../model/service.ts';
import type { EntryChange, ExternalNodeView } from './types.ts';
import { sameNode } from './values.ts';
import { CatalogIndex, type EntrySource, type TopicSink } from './view.ts';

type Entries = ReadonlyMap<EntryKey, Entry>;

/** What one owner has of a node in one spelling of its name: it may register another one before it removes the first. */
interface Holding {
  readonly owner: string;
  node: ExternalNode | undefined;
  readonly entries: Map<EntryKey, Entry>;
}

/** What readers see of a node. */
interface Visible {
  readonly view: ExternalNodeView;
  readonly entries: Entries;
}

/** The latest registration of a name. */
export interface LatestNode {
  readonly owner: string;
  readonly node: ExternalNode;
}

interface NodeState {
  /** By owner and spelling. */
  readonly holdings: Map<string, Holding>;
  visible: Visible | undefined;
}

/** `now` is absent where nothing but membership has changed. */
type HiddenListener = (owner: string, changes: readonly EntryChange[], now?: Millis) => void;

const NO_ENTRIES: Entries = new Map();

export class ExternalNodes {
  readonly index: CatalogIndex;
  readonly #source: EntrySource;
  readonly #self: string;
  readonly #isMember: (name: string) => boolean;
  readonly #onHidden: HiddenListener;
  readonly #up = new Set<string>();
  /** By name in lower case. */
  readonly #nodes = new Map<string, NodeState>();
  /** The same by the name as it is shown. */
  readonly #byName = new Map<string, NodeState>();
  readonly #namesByOwner = new Map<string, Set<string>>();
  #superseded = new Set<string>();
  #supersededAt: Millis = NEVER;

  /**
   * `isMember` also holds for names of nodes that are known from before a restart. `onHidden` takes the changes that are
   * about jobs and partitions, which no other reader sees.
   */
  constructor(
    source: EntrySource,
    self: string,
    isMember: (name: string) => boolean,
    onHidden: HiddenListener = () => {},
  ) {
    this.#onHidden = onHidden;
    this.#source = source;
    this.#self = self;
    this.#isMember = isMember;
    this.index = new CatalogIndex({
      owners: () => this.#owners(),
      entries: (name) => source.entries(name) ?? this.#byName.get(name)?.visible?.entries,
      isUnconfirmed: (name) => source.isUnconfirmed(this.#byName.get(name)?.visible?.view.owner ?? name),
      externalNode: (name) => this.#nodes.get(name.toLowerCase())?.visible?.view,
      externalNodes: () => this.#views(),
    });
    const restored: TopicSink = new Set();
    for (const owner of source.owners()) {
      const changes = changesOf(source.entries(owner) ?? NO_ENTRIES);
      this.#splitChanges(owner, changes, restored);
      for (const name of this.#take(owner, changes)) this.#refresh(name, restored);
    }
  }

  /** The latest registration of a name, which readers do not see if it stands for a removal. */
  latest(name: string): LatestNode | undefined {
    const state = this.#nodes.get(name.toLowerCase());
    return state === undefined ? undefined : latestOf(state);
  }

  /** What agents still have of the node, in whatever spelling, though a later registration hides it. */
  holdings(name: string): readonly Omit<Holding, 'entries'>[] {
    return [...(this.#nodes.get(name.toLowerCase())?.holdings.values() ?? [])];
  }

  /** Names of external nodes of ours that another agent has registered or removed later, since the last call. */
  consumeSuperseded(): readonly string[] {
    if (this.#superseded.size === 0) return [];
    const names = [...this.#superseded];
    this.#superseded = new Set();
    this.#supersededAt = NEVER;
    return names;
  }

  /** Since when there are such names. */
  get supersededAt(): Millis {
    return this.#supersededAt;
  }

  /** As `CatalogIndex.onEntriesChanged`. */
  onEntriesChanged(owner: string, changes: readonly EntryChange[], topics: TopicSink, now?: Millis): void {
    const [own, external] = this.#splitChanges(owner, changes, topics, now);
    this.index.onEntriesChanged(owner, own, topics, now);
    for (const name of this.#take(owner, external)) this.#refresh(name, topics, now);
    if (now !== undefined) this.noteSuperseded(now);
  }

  /** To be called after changes of membership. */
  noteSuperseded(now: Millis): void {
    if (this.#superseded.size > 0) this.#supersededAt = Math.min(this.#supersededAt, now);
  }

  setOwnerUp(owner: string, up: boolean, topics: TopicSink): void {
    if (this.#up.has(owner) === up) return;
    if (up) this.#up.add(owner);
    else this.#up.delete(owner);
    this.index.setOwnerUp(owner, up, topics);
    for (const name of this.#namesOf(owner)) this.#refresh(name, topics);
  }

  /**
   * A process of the owner's host is gone, or back. Its external nodes run elsewhere, and are shown until the owner has
   * failed.
   */
  setOwnerReachable(owner: string, reachable: boolean, topics: TopicSink): void {
    this.index.setOwnerUp(owner, reachable, topics);
  }

  onOwnerConfirmed(owner: string, topics: TopicSink): void {
    this.index.onOwnerConfirmed(owner, topics);
    for (const name of this.#namesOf(owner)) {
      const view = this.#nodes.get(name)?.visible?.view;
      if (view?.owner !== owner) continue;
      this.index.onOwnerConfirmed(view.name, topics);
      this.#refresh(name, topics);
    }
  }

  onOwnerDeleted(owner: string, changes: readonly EntryChange[], topics: TopicSink): void {
    const [own, external] = this.#splitChanges(owner, changes, topics);
    this.#up.delete(owner);
    this.index.onOwnerDeleted(owner, own, topics);
    for (const name of this.#take(owner, external)) this.#refresh(name, topics);
  }

  /** A member of this name has come or gone. */
  onMemberChanged(name: string, topics: TopicSink): void {
    if (this.#nodes.has(name.toLowerCase())) this.#refresh(name.toLowerCase(), topics);
  }

  #splitChanges(
    owner: string,
    changes: readonly EntryChange[],
    topics: TopicSink,
    now?: Millis,
  ): [own: readonly EntryChange[], external: readonly EntryChange[]] {
    const hidden = changes.filter(({ key }) => isHidden(key));
    if (hidden.length > 0) {
      this.#onHidden(owner, hidden, now);
      addHiddenTopics(hidden, topics);
    }
    const rest = hidden.length === 0 ? changes : changes.filter(({ key }) => !isHidden(key));
    if (!rest.some(({ key }) => key.startsWith('x:'))) return [rest, []];
    return [rest.filter(({ key }) => !key.startsWith('x:')), rest.filter(({ key }) => key.startsWith('x:'))];
  }

  *#owners(): Iterable<string> {
    yield* this.#source.owners();
    for (const [name, { visible }] of this.#byName) if (visible !== undefined) yield name;
  }

  *#views(): Iterable<ExternalNodeView> {
    for (const { visible } of this.#nodes.values()) if (visible !== undefined) yield visible.view;
  }

  #namesOf(owner: string): readonly string[] {
    return [...(this.#namesByOwner.get(owner) ?? [])];
  }

  /** Applies the changes to what the owner holds; returns the lower-case names of the nodes they are about. */
  #take(owner: string, changes: readonly EntryChange[]): Set<string> {
    const touched = new Set<string>();
    for (const { key, after } of changes) {
      const external = parseExternalKey(key);
      if (external === undefined) continue;
      const name = external.node.toLowerCase();
      touched.add(name);
      const holding = this.#holding(external.node, owner);
      const value = after?.kind === 'external' ? after.value : undefined;
      if (external.key === 'n') holding.node = value?.kind === 'node' ? value : undefined;
      else if (value === undefined || value.kind === 'node') holding.entries.delete(external.key);
      else holding.entries.set(external.key, toEntry(external.key, value));
    }
    for (const name of touched) this.#dropIfEmpty(name, owner);
    return touched;
  }

  #holding(spelling: string, owner: string): Holding {
    const name = spelling.toLowerCase();
    let state = this.#nodes.get(name);
    if (state === undefined) {
      state = { holdings: new Map(), visible: undefined };
      this.#nodes.set(name, state);
    }
    const key = `${owner}\n${spelling}`;
    let holding = state.holdings.get(key);
    if (holding === undefined) {
      holding = { owner, node: undefined, entries: new Map() };
      state.holdings.set(key, holding);
      const names = this.#namesByOwner.get(owner) ?? new Set();
      this.#namesByOwner.set(owner, names.add(name));
    }
    return holding;
  }

  #dropIfEmpty(name: string, owner: string): void {
    const holdings = this.#nodes.get(name)?.holdings ?? new Map<string, Holding>();
    for (const [key, { node, entries }] of holdings)
      if (node === undefined && entries.size === 0) holdings.delete(key);
    if (isHeldBy(holdings, owner)) return;
    const names = this.#namesByOwner.get(owner);
    names?.delete(name);
    if (names?.size === 0) this.#namesByOwner.delete(owner);
  }

  /** Readers see from now on what is to be seen of the node. */
  #refresh(name: string, topics: TopicSink, now?: Millis): void {
    const state = this.#nodes.get(name);
    if (state === undefined) return;
    const before = state.visible;
    const latest = latestOf(state);
    const after = this.#chooseVisible(latest);
    if (latest !== undefined && latest.owner !== this.#self && isHeldBy(state.holdings, this.#self))
      this.#superseded.add(latest.node.name);
    if (state.holdings.size === 0) this.#nodes.delete(name);
    if (before !== undefined && before.view.name !== after?.view.name) this.#hide(state, before, topics);
    state.visible = after;
    if (after === undefined) return;
    const { view } = after;
    this.#byName.set(view.name, state);
    const wasNamed = before?.view.name === view.name ? before : undefined;
    const changes = difference(wasNamed?.entries ?? NO_ENTRIES, after.entries);
    this.index.onEntriesChanged(view.name, changes, topics, now);
    this.index.setOwnerUp(view.name, view.up, topics);
    if (wasNamed?.view.owner !== view.owner) this.index.onOwnerConfirmed(view.name, topics);
    if (wasNamed === undefined || !isSameView(wasNamed.view, view)) addNodeTopics(view.name, topics);
  }

  #hide(state: NodeState, { view, entries }: Visible, topics: TopicSink): void {
    state.visible = undefined;
    this.#byName.delete(view.name);
    this.index.onOwnerDeleted(view.name, difference(entries, NO_ENTRIES), topics);
    addNodeTopics(view.name, topics);
  }

  #chooseVisible(latest: LatestHolding | undefined): Visible | undefined {
    if (latest === undefined || this.#isMember(latest.node.name)) return undefined;
    const { kind: _, removed, ...fields } = latest.node;
    if (removed) return undefined;
    const { owner } = latest;
    const entries = new Map(latest.entries);
    return { view: { ...fields, owner, up: this.#up.has(owner) }, entries };
  }
}

type LatestHolding = LatestNode & { readonly entries: Entries };

function latestOf({ holdings }: NodeState): LatestHolding | undefined {
  let best: LatestHolding | undefined;
  for (const { owner, node, entries } of holdings.values()) {
    if (node === undefined) continue;
    const isLater =
      best === undefined ||
      node.registeredAt > best.node.registeredAt ||
      (node.registeredAt === best.node.registeredAt &&
        (owner > best.owner || (owner === best.owner && node.name > best.node.name)));
    if (isLater) best = { owner, node, entries };
  }
  return best;
}

const isHeldBy = (holdings: ReadonlyMap<string, Holding>, owner: string): boolean =>
  [...holdings.values()].some((one) => one.owner === owner);

/** An external node is shown without the versions of its owner's ledger: readers of entries compare values only. */
const toEntry = (key: EntryKey, value: Service | Check): Entry => ({ key, version: 1, value });

const changesOf = (entries: Entries): EntryChange[] =>
  [...entries.values()].map(({ key, value }) => ({ key, before: undefined, after: value }));

/** Removals come first, as from a ledger. */
function difference(before: Entries, after: Entries): EntryChange[] {
  const changes: EntryChange[] = [];
  for (const [key, { value }] of before)
    if (!after.has(key)) changes.push({ key, before: value, after: undefined });
  for (const [key, { value }] of after) {
    const old = before.get(key)?.value;
    if (old !== value) changes.push({ key, before: old, after: value });
  }
  return changes;
}

const isSameView = (a: ExternalNodeView, b: ExternalNodeView): boolean =>
  a.owner === b.owner && a.up === b.up && sameNode(toNode(a), toNode(b));

const toNode = (view: ExternalNodeView): ExternalNode => ({ kind: 'node', removed: false, ...view });

const isHidden = (key: EntryKey): boolean => isJobKey(key) || isPartitionKey(key);

function addHiddenTopics(changes: readonly EntryChange[], topics: TopicSink): void {
  for (const { key } of changes) {
    if (!isPartitionKey(key)) topics.add('jobs');
    else {
      topics.add('partitions');
      topics.add(`partitions:${poolOfKey(key)}`);
    }
  }
}

function addNodeTopics(name: string, topics: TopicSink): void {
  topics.add('nodes');
  topics.add(`node:${name}`);
  topics.add(`entries:${name}`);
}
