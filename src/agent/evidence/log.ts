/**
 * The evidence log: facts about each member, kept beyond its row in bounded lists (I11). It reads the facts that the
 * layers below report anyway, and decides nothing.
 */
import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/time.ts';
import {
  type EvidenceEntry,
  type EvidenceFact,
  type EvidenceKind,
  type NodeEvidence,
  RETENTION_CLASSES,
} from '../contract/evidence.ts';
import type { Fact } from '../contract/facts.ts';
import type { Effect } from '../contract/machine.ts';

/** Names that never were members get much less space: any stranger can invent them. */
export const EVIDENCE_LIMITS = {
  members: { nameCount: 1024, entryCount: 8192 },
  outsiders: { nameCount: 128, entryCount: 512 },
  /** Entries of one name, by retention class. */
  relevant: 32,
  noise: 8,
  /** Entries about this agent itself. Severe stalls are kept apart, so that small ones evict none. */
  stall: 16,
  severeStall: 16,
  health: 32,
} as const;

/** Our own health this long before an entry, and after it, may have to do with it. */
const CONTEXT_BEFORE: Millis = 30_000;
const CONTEXT_AFTER: Millis = 5_000;
/** A stall of this length alone explains why this agent did not answer a probe. */
const SEVERE_STALL: Millis = 1000;
/** A stall may end this long after what it has to do with, since both are noticed one after the other. */
const STALL_SLACK: Millis = 500;
/** How long before a refutation the probes were that this agent did not answer. */
const BEFORE_REFUTATION: Millis = 15_000;
/** Refutations further apart than this belong to different incidents. */
const SAME_INCIDENT: Millis = 10_000;
/** An equal entry is looked for among this many of the latest. */
const LOOK_BACK = 8;

/** Kinds that repeat while something lasts; equal ones are counted in one entry. */
const REPEATED_KINDS: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>([
  'probeSavedByTcp',
  'suspicionRefuted',
  'nameConflict',
  'memberUnverified',
  'accusationRateLimited',
  'gossipMessageRefused',
  'intentRefused',
  'leaveIntentRefuted',
]);

/** Kinds about a link between two members: this agent is one of its ends, so the entry is about both. */
const LINK_KINDS: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>([
  ...(['linkOneWay', 'linkRestored', 'longDatagramsLost', 'longDatagramsPass'] as const),
]);

/** The retention classes of entries that are kept by name. */
type NamedClass = 'relevant' | 'noise';

export class EvidenceLog {
  readonly #self: string;
  readonly #isMember: (name: string) => boolean;
  readonly #own = new EvidenceBuffer();
  #boot: EvidenceEntry | undefined;
  readonly #stalls: EvidenceEntry[] = [];
  readonly #severeStalls: EvidenceEntry[] = [];
  readonly #health: EvidenceEntry[] = [];
  readonly #members = new EvidenceStore(EVIDENCE_LIMITS.members);
  readonly #outsiders = new EvidenceStore(EVIDENCE_LIMITS.outsiders);

  /** `isMember`: whether a name has a row in the member table. */
  constructor(self: string, isMember: (name: string) => boolean) {
    this.#self = self;
    this.#isMember = isMember;
  }

  /** The start of this agent, with its address. */
  get boot(): EvidenceEntry | undefined {
    return this.#boot;
  }

  /** The number of names and entries held. */
  get size(): { readonly names: number; readonly entries: number } {
    const stalls = this.#stalls.length + this.#severeStalls.length;
    const own = this.#own.size + stalls + this.#health.length;
    return {
      names: this.#members.names + this.#outsiders.names + 1,
      entries: this.#members.entries + this.#outsiders.entries + own,
    };
  }

  /** Records the facts in `effects` from index `from` on, which happened at `now`. */
  record(effects: readonly Effect[], from: number, now: Millis): void {
    for (let i = from; i < effects.length; i++) {
      const effect = effects[i] as Effect;
      if (effect.kind === 'fact' && isEvidence(effect.fact)) this.#store(effect.fact, now);
    }
  }

  /** All evidence about a name; `undefined` if there is none. Names match exactly. */
  forNode(node: string): NodeEvidence | undefined {
    if (node === this.#self) {
      const evidence = this.#withContext(node, this.#own, this.#severeStalls, this.#health);
      const { entries } = evidence;
      return this.#boot === undefined ? evidence : { ...evidence, entries: [this.#boot, ...entries] };
    }
    const buffer = this.#members.get(node) ?? this.#outsiders.get(node);
    // Nothing is concluded from what may have been evicted.
    if (buffer === undefined)
      return this.#members.hasEvicted ? { node, entries: [], dropped: 0, isComplete: false } : undefined;
    const entries = buffer.all();
    const health = this.#health.filter(({ at, lastAt }) =>
      entries.some((one) => at >= one.at - CONTEXT_BEFORE && lastAt <= one.lastAt + CONTEXT_AFTER),
    );
    return this.#withContext(node, buffer, [], health);
  }

  /**
   * The entries of a buffer, `stalls` with those others that overlap what this agent did or missed, and `health`. A
   * stall beside it says nothing, and busy hosts have many.
   */
  #withContext(
    node: string,
    buffer: EvidenceBuffer,
    stalls: readonly EvidenceEntry[],
    health: readonly EvidenceEntry[],
  ): NodeEvidence {
    const own = buffer.all();
    const spans = own.flatMap((entry) => spanOf(entry, this.#self) ?? []);
    const overlapping = [...this.#stalls, ...this.#severeStalls].filter(
      (stall) => !stalls.includes(stall) && spans.some((span) => overlaps(stall, span)),
    );
    const entries = [...own, ...stalls, ...overlapping, ...health].sort((a, b) => a.at - b.at);
    return { node, entries, dropped: buffer.dropped, isComplete: buffer.dropped === 0 };
  }

  #store(fact: EvidenceFact, now: Millis): void {
    const entry = { at: now, lastAt: now, count: 1, fact };
    if (fact.kind === 'agentStarted') {
      this.#boot = entry;
      return;
    }
    if (fact.kind === 'stalled') {
      const isSevere = fact.latenessMs >= SEVERE_STALL;
      const list = isSevere ? this.#severeStalls : this.#stalls;
      return void pushBounded(list, entry, EVIDENCE_LIMITS[isSevere ? 'severeStall' : 'stall']);
    }
    if (fact.kind === 'awarenessChanged')
      return void pushBounded(this.#health, entry, EVIDENCE_LIMITS.health);
    const retention = RETENTION_CLASSES[fact.kind];
    const node = 'node' in fact ? fact.node : this.#self;
    // The first discovery of a member says nothing about trouble; a later one ends what was known of its former life.
    if (fact.kind === 'memberDiscovered' && this.#members.get(node) === undefined) return;
    if (node === this.#self || LINK_KINDS.has(fact.kind)) this.#own.add(entry, retention);
    if (node === this.#self) return;
    const isKnown = this.#members.get(node) !== undefined || this.#isMember(node);
    (isKnown ? this.#members : this.#outsiders).add(node, entry, retention);
    if (isKnown) this.#outsiders.delete(node);
  }
}

const isEvidence = (fact: Fact): fact is EvidenceFact => Object.hasOwn(RETENTION_CLASSES, fact.kind);

/** The entries of one name, by retention class. */
class EvidenceBuffer {
  readonly #lists: Readonly<Record<NamedClass, EvidenceEntry[]>> = { relevant: [], noise: [] };
  dropped = 0;

  get size(): number {
    return this.#lists.relevant.length + this.#lists.noise.length;
  }

  all(): EvidenceEntry[] {
    return [...this.#lists.relevant, ...this.#lists.noise];
  }

  add(entry: EvidenceEntry, retention: NamedClass): void {
    const list = this.#lists[retention];
    const last = list.at(-1);
    if (last !== undefined && isEcho(entry, last)) return;
    if (last !== undefined && isReasonOf(entry, last)) list.pop();
    const equal = findEqual(entry, list);
    if (equal >= 0) {
      const { at, count, fact } = list[equal] as EvidenceEntry;
      list[equal] = { at, lastAt: entry.at, count: count + 1, fact };
    } else if (pushBounded(list, entry, EVIDENCE_LIMITS[retention])) this.dropped += 1;
  }
}

/** Buffers by name, least recently written first; the oldest are evicted (LRU). */
class EvidenceStore {
  readonly #limits: { readonly nameCount: number; readonly entryCount: number };
  readonly #buffers = new Map<string, EvidenceBuffer>();
  /** The entries of all buffers. */
  entries = 0;
  /** All that was known of some name had to go. */
  hasEvicted = false;

  constructor(limits: { readonly nameCount: number; readonly entryCount: number }) {
    this.#limits = limits;
  }

  get names(): number {
    return this.#buffers.size;
  }

  get(node: string): EvidenceBuffer | undefined {
    return this.#buffers.get(node);
  }

  add(node: string, entry: EvidenceEntry, retention: NamedClass): void {
    const buffer = this.#buffers.get(node) ?? new EvidenceBuffer();
    this.delete(node);
    buffer.add(entry, retention);
    this.#buffers.set(node, buffer);
    this.entries += buffer.size;
    for (const oldest of this.#buffers.keys()) {
      if (this.#buffers.size <= this.#limits.nameCount && this.entries <= this.#limits.entryCount) return;
      this.delete(oldest);
      this.hasEvicted = true;
    }
  }

  delete(node: string): void {
    this.entries -= this.#buffers.get(node)?.size ?? 0;
    this.#buffers.delete(node);
    // Invariant: `entries` is the sum of all buffers; below zero a buffer would have changed outside `add`.
    assert(this.entries >= 0, `${this.entries} entries of evidence`);
  }
}

/** True if the oldest entry was evicted. */
function pushBounded(list: EvidenceEntry[], entry: EvidenceEntry, limit: number): boolean {
  list.push(entry);
  if (list.length <= limit) return false;
  list.shift();
  return true;
}

/** Serf reports as failed or left what SWIM has just declared dead. */
const isEcho = ({ at, fact }: EvidenceEntry, last: EvidenceEntry): boolean =>
  at === last.at &&
  last.fact.kind === 'memberDeclaredDead' &&
  fact.kind === (last.fact.left ? 'memberLeft' : 'memberFailed');

/** A failed probe is the reason of the accusation that follows it, which contains it whole. */
const isReasonOf = ({ fact }: EvidenceEntry, { fact: before }: EvidenceEntry): boolean =>
  before.kind === 'probeFailed' &&
  (fact.kind === 'memberSuspected' || fact.kind === 'suspicionConfirmed') &&
  fact.reason === before.reason;

/** The index of a recent equal entry; -1 if there is none. */
function findEqual({ at, fact }: EvidenceEntry, list: readonly EvidenceEntry[]): number {
  if (!REPEATED_KINDS.has(fact.kind)) return -1;
  const since = fact.kind === 'suspicionRefuted' ? at - SAME_INCIDENT : Number.NEGATIVE_INFINITY;
  const from = Math.max(0, list.length - LOOK_BACK);
  for (let i = list.length - 1; i >= from; i--) {
    const one = list[i] as EvidenceEntry;
    if (one.lastAt >= since && isEqual(fact, one.fact)) return i;
  }
  return -1;
}

/** A span of time, in ms on this agent's clock. */
interface Span {
  readonly from: Millis;
  readonly until: Millis;
}

/** When this agent probed in vain, or was probed in vain itself; `undefined` for what does not rest on its timing. */
function spanOf({ at, lastAt, fact }: EvidenceEntry, self: string): Span | undefined {
  if (fact.kind === 'suspicionRefuted') return { from: at - BEFORE_REFUTATION, until: lastAt };
  if (fact.kind !== 'probeFailed' && fact.kind !== 'memberSuspected' && fact.kind !== 'suspicionConfirmed')
    return undefined;
  const isOwn = fact.kind === 'probeFailed' || fact.by === self;
  return isOwn && fact.reason.kind === 'probe'
    ? { from: at - fact.reason.durationMs, until: lastAt }
    : undefined;
}

/** A stall is recorded at its end. */
const overlaps = ({ at, fact }: EvidenceEntry, { from, until }: Span): boolean =>
  fact.kind === 'stalled' && at >= from && at - fact.latenessMs <= until + STALL_SLACK;

/** Facts of one kind are equal if their strings are; their numbers may differ. */
function isEqual(a: EvidenceFact, b: EvidenceFact): boolean {
  if (a.kind !== b.kind) return false;
  const fields = b as Readonly<Record<string, unknown>>;
  return Object.entries(a).every(([key, value]) => typeof value !== 'string' || value === fields[key]);
}
