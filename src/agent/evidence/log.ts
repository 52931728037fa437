/**
 * The facts about each member, kept beyond its row in bounded rings (I11). It listens to what the rooms below say
 * anyway, and decides nothing.
 */
import type { Millis } from '../../base/time.ts';
import { type Dossier, type Evident, type EvidentKind, type Exhibit, SHELVES } from '../contract/evidence.ts';
import type { Fact } from '../contract/facts.ts';
import type { Effect } from '../contract/machine.ts';

/** How much is kept. Of names that never were members much less: anybody can invent them. */
export const EVIDENCE_LIMITS = {
  members: { names: 1024, exhibits: 8192 },
  strangers: { names: 128, exhibits: 512 },
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
const REPEATS: ReadonlySet<EvidentKind> = new Set<EvidentKind>([
  'probeSavedByStream',
  'suspicionRefuted',
  'nameContested',
  'newcomerSilent',
  'accusationRefused',
  'rumorRefused',
  'intentRefused',
  'falseLeaveRefuted',
]);

/** A way has two ends, and one is here. */
const WAYS: ReadonlySet<EvidentKind> = new Set<EvidentKind>(['linkOneSided', 'linkRestored']);

export class Evidence {
  readonly #self: string;
  readonly #isMember: (name: string) => boolean;
  readonly #own = new Ring();
  #birth: Exhibit | undefined;
  readonly #stalls: Exhibit[] = [];
  readonly #health: Exhibit[] = [];
  readonly #members = new Archive(EVIDENCE_LIMITS.members);
  readonly #strangers = new Archive(EVIDENCE_LIMITS.strangers);

  /** `isMember`: has this name a row now? */
  constructor(self: string, isMember: (name: string) => boolean) {
    this.#self = self;
    this.#isMember = isMember;
  }

  /** When, and as what, this agent was started. */
  get birth(): Exhibit | undefined {
    return this.#birth;
  }

  /** Names and exhibits held. */
  get size(): { readonly names: number; readonly exhibits: number } {
    const own = this.#own.size + this.#stalls.length + this.#health.length;
    return {
      names: this.#members.names + this.#strangers.names + 1,
      exhibits: this.#members.exhibits + this.#strangers.exhibits + own,
    };
  }

  /** Takes note of the facts in `effects` from index `from` on, which came at `now`. */
  watch(effects: readonly Effect[], from: number, now: Millis): void {
    for (let i = from; i < effects.length; i++) {
      const effect = effects[i] as Effect;
      if (effect.kind === 'fact' && isEvident(effect.fact)) this.#file(effect.fact, now);
    }
  }

  /** What is known about this name; `undefined`: nothing. Names match exactly. */
  about(node: string): Dossier | undefined {
    if (node === this.#self) {
      const dossier = this.#dossier(node, this.#own, () => true);
      return this.#birth === undefined
        ? dossier
        : { ...dossier, exhibits: [this.#birth, ...dossier.exhibits] };
    }
    const ring = this.#members.get(node) ?? this.#strangers.get(node);
    if (ring === undefined) return undefined;
    const matters = ({ at, lastAt }: Exhibit): boolean =>
      ring.all().some((one) => at >= one.at - BEFORE && lastAt <= one.lastAt + AFTER);
    return this.#dossier(node, ring, matters);
  }

  #dossier(node: string, ring: Ring, matters: (exhibit: Exhibit) => boolean): Dossier {
    const ours = [...this.#stalls, ...this.#health].filter(matters);
    const exhibits = [...ring.all(), ...ours].sort((a, b) => a.at - b.at);
    return { node, exhibits, dropped: ring.dropped };
  }

  #file(fact: Evident, now: Millis): void {
    const exhibit = { at: now, lastAt: now, times: 1, fact };
    const shelf = SHELVES[fact.kind];
    if (shelf === 'birth') {
      this.#birth = exhibit;
      return;
    }
    if (shelf === 'ours') return void push(this.#stalls, exhibit, EVIDENCE_LIMITS.ours);
    if (shelf === 'health') return void push(this.#health, exhibit, EVIDENCE_LIMITS.health);
    const node = 'node' in fact ? fact.node : this.#self;
    if (node === this.#self || WAYS.has(fact.kind)) this.#own.add(exhibit, shelf);
    if (node === this.#self) return;
    const known = this.#members.get(node) !== undefined || this.#isMember(node);
    (known ? this.#members : this.#strangers).add(node, exhibit, shelf);
    if (known) this.#strangers.forget(node);
  }
}

const isEvident = (fact: Fact): fact is Evident => Object.hasOwn(SHELVES, fact.kind);

type Shelf = 'telling' | 'noise';

/** What is kept of one name. */
class Ring {
  readonly #shelves: Readonly<Record<Shelf, Exhibit[]>> = { telling: [], noise: [] };
  dropped = 0;

  get size(): number {
    return this.#shelves.telling.length + this.#shelves.noise.length;
  }

  all(): Exhibit[] {
    return [...this.#shelves.telling, ...this.#shelves.noise];
  }

  add(exhibit: Exhibit, shelf: Shelf): void {
    const held = this.#shelves[shelf];
    const last = held.at(-1);
    if (last !== undefined && isEcho(exhibit, last)) return;
    if (last !== undefined && isReasonOf(exhibit, last)) held.pop();
    const again = repeated(exhibit, held);
    if (again >= 0) {
      const { at, times, fact } = held[again] as Exhibit;
      held[again] = { at, lastAt: exhibit.at, times: times + 1, fact };
    } else if (push(held, exhibit, EVIDENCE_LIMITS[shelf])) this.dropped += 1;
  }
}

/** Rings by name, the one that was written to last at the end. */
class Archive {
  readonly #limits: { readonly names: number; readonly exhibits: number };
  readonly #rings = new Map<string, Ring>();
  exhibits = 0;

  constructor(limits: { readonly names: number; readonly exhibits: number }) {
    this.#limits = limits;
  }

  get names(): number {
    return this.#rings.size;
  }

  get(node: string): Ring | undefined {
    return this.#rings.get(node);
  }

  add(node: string, exhibit: Exhibit, shelf: Shelf): void {
    const ring = this.#rings.get(node) ?? new Ring();
    this.forget(node);
    ring.add(exhibit, shelf);
    this.#rings.set(node, ring);
    this.exhibits += ring.size;
    for (const oldest of this.#rings.keys()) {
      if (this.#rings.size <= this.#limits.names && this.exhibits <= this.#limits.exhibits) return;
      this.forget(oldest);
    }
  }

  forget(node: string): void {
    this.exhibits -= this.#rings.get(node)?.size ?? 0;
    this.#rings.delete(node);
  }
}

/** Did the oldest have to go for it? */
function push(held: Exhibit[], exhibit: Exhibit, limit: number): boolean {
  held.push(exhibit);
  if (held.length <= limit) return false;
  held.shift();
  return true;
}

/** Serf's word for what swim has just said. */
const isEcho = ({ at, fact }: Exhibit, last: Exhibit): boolean =>
  at === last.at &&
  last.fact.kind === 'memberDeclaredDead' &&
  fact.kind === (last.fact.left ? 'memberLeft' : 'memberFailed');

/** The failed probe is the reason of the accusation that follows, and stands there whole. */
const isReasonOf = ({ fact }: Exhibit, { fact: before }: Exhibit): boolean =>
  before.kind === 'probeFailed' &&
  (fact.kind === 'memberSuspected' || fact.kind === 'suspicionConfirmed') &&
  fact.reason === before.reason;

/** Where one that says the same stands; -1: nowhere near. */
function repeated({ fact }: Exhibit, held: readonly Exhibit[]): number {
  if (!REPEATS.has(fact.kind)) return -1;
  const from = Math.max(0, held.length - LOOK_BACK);
  for (let i = held.length - 1; i >= from; i--) if (isSame(fact, (held[i] as Exhibit).fact)) return i;
  return -1;
}

/** Numbers may differ. */
function isSame(a: Evident, b: Evident): boolean {
  if (a.kind !== b.kind) return false;
  const theirs = b as Readonly<Record<string, unknown>>;
  return Object.entries(a).every(([key, value]) => typeof value !== 'string' || value === theirs[key]);
}
