/**
 * The facts about each member, kept beyond its row in bounded rings (I11). It listens to what the rooms below say
 * anyway, and decides nothing.
 */
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

/** How much is kept. Of names that never were members much less: anybody can invent them. */
export const EVIDENCE_LIMITS = {
  members: { nameCount: 1024, entryCount: 8192 },
  strangers: { nameCount: 128, entryCount: 512 },
  /** Of one name, by shelf. */
  telling: 32,
  noise: 8,
  /** Stalls, and changes of our health. */
  ours: 32,
  health: 32,
} as const;

/** How far before an exhibit, and after it, our own state may have to do with it. */
const BEFORE: Millis = 30_000;
const AFTER: Millis = 5_000;
/** So many exhibits back one that says the same is looked for. */
const LOOK_BACK = 8;

/** These say the same again and again while something lasts. */
const REPEATS: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>([
  'probeSavedByTcp',
  'suspicionRefuted',
  'nameConflict',
  'memberUnverified',
  'accusationRateLimited',
  'gossipMessageRefused',
  'intentRefused',
  'leaveIntentRefuted',
]);

/** A way has two ends, and one is here. */
const LINK_KINDS: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>(['linkOneWay', 'linkRestored']);

export class EvidenceLog {
  readonly #self: string;
  readonly #isMember: (name: string) => boolean;
  readonly #own = new EvidenceBuffer();
  #boot: EvidenceEntry | undefined;
  readonly #stalls: EvidenceEntry[] = [];
  readonly #health: EvidenceEntry[] = [];
  readonly #members = new EvidenceStore(EVIDENCE_LIMITS.members);
  readonly #outsiders = new EvidenceStore(EVIDENCE_LIMITS.strangers);

  /** `isMember`: has this name a row now? */
  constructor(self: string, isMember: (name: string) => boolean) {
    this.#self = self;
    this.#isMember = isMember;
  }

  /** When, and as what, this agent was started. */
  get boot(): EvidenceEntry | undefined {
    return this.#boot;
  }

  /** Names and exhibits held. */
  get size(): { readonly names: number; readonly exhibits: number } {
    const own = this.#own.size + this.#stalls.length + this.#health.length;
    return {
      names: this.#members.names + this.#outsiders.names + 1,
      exhibits: this.#members.exhibits + this.#outsiders.exhibits + own,
    };
  }

  /** Takes note of the facts in `effects` from index `from` on, which came at `now`. */
  record(effects: readonly Effect[], from: number, now: Millis): void {
    for (let i = from; i < effects.length; i++) {
      const effect = effects[i] as Effect;
      if (effect.kind === 'fact' && isEvident(effect.fact)) this.#store(effect.fact, now);
    }
  }

  /** What is known about this name; `undefined`: nothing. Names match exactly. */
  forNode(node: string): NodeEvidence | undefined {
    if (node === this.#self) {
      const dossier = this.#dossier(node, this.#own, () => true);
      return this.#boot === undefined ? dossier : { ...dossier, entries: [this.#boot, ...dossier.entries] };
    }
    const ring = this.#members.get(node) ?? this.#outsiders.get(node);
    if (ring === undefined) return undefined;
    const matters = ({ at, lastAt }: EvidenceEntry): boolean =>
      ring.all().some((one) => at >= one.at - BEFORE && lastAt <= one.lastAt + AFTER);
    return this.#dossier(node, ring, matters);
  }

  #dossier(node: string, ring: EvidenceBuffer, matters: (exhibit: EvidenceEntry) => boolean): NodeEvidence {
    const ours = [...this.#stalls, ...this.#health].filter(matters);
    const exhibits = [...ring.all(), ...ours].sort((a, b) => a.at - b.at);
    return { node, entries: exhibits, dropped: ring.dropped };
  }

  #store(fact: EvidenceFact, now: Millis): void {
    const exhibit = { at: now, lastAt: now, count: 1, fact };
    const shelf = RETENTION_CLASSES[fact.kind];
    if (shelf === 'birth') {
      this.#boot = exhibit;
      return;
    }
    if (shelf === 'ours') return void push(this.#stalls, exhibit, EVIDENCE_LIMITS.ours);
    if (shelf === 'health') return void push(this.#health, exhibit, EVIDENCE_LIMITS.health);
    const node = 'node' in fact ? fact.node : this.#self;
    if (node === this.#self || LINK_KINDS.has(fact.kind)) this.#own.add(exhibit, shelf);
    if (node === this.#self) return;
    const known = this.#members.get(node) !== undefined || this.#isMember(node);
    (known ? this.#members : this.#outsiders).add(node, exhibit, shelf);
    if (known) this.#outsiders.delete(node);
  }
}

const isEvident = (fact: Fact): fact is EvidenceFact => Object.hasOwn(RETENTION_CLASSES, fact.kind);

type RetentionClass = 'telling' | 'noise';

/** What is kept of one name. */
class EvidenceBuffer {
  readonly #shelves: Readonly<Record<RetentionClass, EvidenceEntry[]>> = { telling: [], noise: [] };
  dropped = 0;

  get size(): number {
    return this.#shelves.telling.length + this.#shelves.noise.length;
  }

  all(): EvidenceEntry[] {
    return [...this.#shelves.telling, ...this.#shelves.noise];
  }

  add(exhibit: EvidenceEntry, shelf: RetentionClass): void {
    const held = this.#shelves[shelf];
    const last = held.at(-1);
    if (last !== undefined && isEcho(exhibit, last)) return;
    if (last !== undefined && isReasonOf(exhibit, last)) held.pop();
    const again = repeated(exhibit, held);
    if (again >= 0) {
      const { at, count, fact } = held[again] as EvidenceEntry;
      held[again] = { at, lastAt: exhibit.at, count: count + 1, fact };
    } else if (push(held, exhibit, EVIDENCE_LIMITS[shelf])) this.dropped += 1;
  }
}

/** Rings by name, the one that was written to last at the end. */
class EvidenceStore {
  readonly #limits: { readonly nameCount: number; readonly entryCount: number };
  readonly #rings = new Map<string, EvidenceBuffer>();
  exhibits = 0;

  constructor(limits: { readonly nameCount: number; readonly entryCount: number }) {
    this.#limits = limits;
  }

  get names(): number {
    return this.#rings.size;
  }

  get(node: string): EvidenceBuffer | undefined {
    return this.#rings.get(node);
  }

  add(node: string, exhibit: EvidenceEntry, shelf: RetentionClass): void {
    const ring = this.#rings.get(node) ?? new EvidenceBuffer();
    this.delete(node);
    ring.add(exhibit, shelf);
    this.#rings.set(node, ring);
    this.exhibits += ring.size;
    for (const oldest of this.#rings.keys()) {
      if (this.#rings.size <= this.#limits.nameCount && this.exhibits <= this.#limits.entryCount) return;
      this.delete(oldest);
    }
  }

  delete(node: string): void {
    this.exhibits -= this.#rings.get(node)?.size ?? 0;
    this.#rings.delete(node);
  }
}

/** Did the oldest have to go for it? */
function push(held: EvidenceEntry[], exhibit: EvidenceEntry, limit: number): boolean {
  held.push(exhibit);
  if (held.length <= limit) return false;
  held.shift();
  return true;
}

/** Serf's word for what swim has just said. */
const isEcho = ({ at, fact }: EvidenceEntry, last: EvidenceEntry): boolean =>
  at === last.at &&
  last.fact.kind === 'memberDeclaredDead' &&
  fact.kind === (last.fact.left ? 'memberLeft' : 'memberFailed');

/** The failed probe is the reason of the accusation that follows, and stands there whole. */
const isReasonOf = ({ fact }: EvidenceEntry, { fact: before }: EvidenceEntry): boolean =>
  before.kind === 'probeFailed' &&
  (fact.kind === 'memberSuspected' || fact.kind === 'suspicionConfirmed') &&
  fact.reason === before.reason;

/** Where one that says the same stands; -1: nowhere near. */
function repeated({ fact }: EvidenceEntry, held: readonly EvidenceEntry[]): number {
  if (!REPEATS.has(fact.kind)) return -1;
  const from = Math.max(0, held.length - LOOK_BACK);
  for (let i = held.length - 1; i >= from; i--) if (isSame(fact, (held[i] as EvidenceEntry).fact)) return i;
  return -1;
}

/** Numbers may differ. */
function isSame(a: EvidenceFact, b: EvidenceFact): boolean {
  if (a.kind !== b.kind) return false;
  const theirs = b as Readonly<Record<string, unknown>>;
  return Object.entries(a).every(([key, value]) => typeof value !== 'string' || value === theirs[key]);
}
