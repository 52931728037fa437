/**
 * What becomes of bytes between two hosts: the weather everywhere (latency, loss, duplicates, reordering) and rules
 * on top (cuts, outages, lossy links), each for some links, one way, one transport, or some kinds of message only.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { type BurstShape, GilbertElliott } from './burst-loss.ts';

export type Transport = 'udp' | 'tcp';

/** Everywhere and always, unless changed. */
export interface LinkQuality {
  /** Fixed part of the one-way delay. */
  readonly latency: Millis;
  /** Random part, uniform from 0. */
  readonly jitter: Millis;
  /** Chance that a datagram is lost; on a stream it costs a retransmission instead. */
  readonly loss: number;
  /** Chance that a datagram arrives twice. */
  readonly duplicate: number;
  /** Chance that a datagram is held up by up to `reorderBy`. */
  readonly reorder: number;
  readonly reorderBy: Millis;
}

/** A quiet local network. */
export const LAN_QUALITY: LinkQuality = {
  latency: 0.3,
  jitter: 0.4,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderBy: 50,
};

/** A trouble on some links. What is absent does not narrow it. Hosts are named by their label in the world. */
export interface NetworkRule {
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  /** Only these ways, each from the first to the second. */
  readonly links?: readonly (readonly [string, string])[];
  readonly transport?: Transport;
  /** Only the opening of streams, as before a machine that may call but not be called. */
  readonly connectOnly?: boolean;
  /** Only now and then, and for each way at times of its own. */
  readonly bursts?: BurstShape;
  /** Only datagrams that carry a message of such a kind. */
  readonly kinds?: readonly string[];
  /** Only datagrams larger than this. */
  readonly overBytes?: number;
  /** Chance of loss; 1, the default, is a cut. A cut stream is not broken: its bytes wait, as TCP's do. */
  readonly loss?: number;
  /** Added to every delay; with it `loss` is 0 by default. */
  readonly delay?: Millis;
  /** Chance that a datagram arrives twice; with it `loss` is 0 by default. */
  readonly duplicate?: number;
  /** Copies there may be of such a datagram, itself included; 2 by default. */
  readonly copies?: number;
  /** Copies come up to so much later. */
  readonly maxCopyDelay?: Millis;
  /** Every datagram is held up by a random time up to this, so that they pass one another; likewise. */
  readonly maxReorderDelay?: Millis;
}

interface ActiveRule {
  readonly from: ReadonlySet<string> | undefined;
  readonly to: ReadonlySet<string> | undefined;
  readonly links: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  readonly transport: Transport | undefined;
  readonly connectOnly: boolean;
  readonly bursts: GilbertElliott | undefined;
  readonly kinds: ReadonlySet<string> | undefined;
  readonly overBytes: number;
  readonly loss: number;
  readonly delay: Millis;
  readonly duplicate: number;
  readonly copies: number;
  readonly maxCopyDelay: Millis;
  readonly maxReorderDelay: Millis;
}

/** What TCP waits before it sends a lost segment again. */
const RETRANSMIT_AFTER: Millis = 200;
const MAX_RETRANSMITS = 8;

export class SimNetwork {
  linkQuality: LinkQuality;
  readonly #rng: Rng;
  readonly #rules = new Set<ActiveRule>();
  readonly #delays: Millis[] = [];
  readonly #clock: () => Millis;
  #lastCopyAt: Millis = Number.NEGATIVE_INFINITY;

  /** `clock` is read by rules that hold now and then. */
  constructor(rng: Rng, linkQuality: LinkQuality, clock: () => Millis = () => 0) {
    this.#rng = rng;
    this.linkQuality = linkQuality;
    this.#clock = clock;
  }

  /** Puts a rule on top of those there are. Returns what lifts it. */
  addRule(rule: NetworkRule): () => void {
    const active: ActiveRule = {
      from: rule.from === undefined ? undefined : new Set(rule.from),
      to: rule.to === undefined ? undefined : new Set(rule.to),
      links: rule.links === undefined ? undefined : groupBySource(rule.links),
      transport: transportOf(rule),
      connectOnly: rule.connectOnly ?? false,
      bursts: rule.bursts === undefined ? undefined : new GilbertElliott(rule.bursts, this.#rng.fork()),
      kinds: rule.kinds === undefined ? undefined : new Set(rule.kinds),
      overBytes: rule.overBytes ?? -1,
      loss: rule.loss ?? (defaultsToNoLoss(rule) ? 0 : 1),
      delay: rule.delay ?? 0,
      duplicate: rule.duplicate ?? 0,
      copies: rule.copies ?? 2,
      maxCopyDelay: rule.maxCopyDelay ?? 0,
      maxReorderDelay: rule.maxReorderDelay ?? 0,
    };
    this.#rules.add(active);
    return () => {
      this.#rules.delete(active);
    };
  }

  /** When the last of the copies that come late, by a rule, will have arrived: lifting the rule does not stop them. */
  get lastCopyAt(): Millis {
    return this.#lastCopyAt;
  }

  /** Lifts every rule; the weather stays. */
  heal(): void {
    this.#rules.clear();
  }

  /**
   * One delay for each copy of a datagram that will arrive; empty if it is lost. Valid until the next call.
   * `kindsOf` is asked only if a rule by kind stands on this link.
   */
  datagramDelays(
    from: string,
    to: string,
    size: number,
    kindsOf: () => readonly string[],
  ): readonly Millis[] {
    const delays = this.#delays;
    delays.length = 0;
    const { loss, duplicate, reorder, reorderBy } = this.linkQuality;
    let delay = 0;
    let reorderDelay = 0;
    let copies = 1;
    let copyDelay = 0;
    for (const rule of this.#rules) {
      if (!this.#appliesTo(rule, from, to, 'udp') || size <= rule.overBytes) continue;
      if (rule.kinds !== undefined && !kindsOf().some((kind) => rule.kinds?.has(kind))) continue;
      if (this.#happens(rule.loss)) return delays;
      delay += rule.delay;
      reorderDelay += rule.maxReorderDelay;
      if (!this.#happens(rule.duplicate)) continue;
      copies = Math.max(copies, rule.copies > 2 ? 2 + this.#rng.int(rule.copies - 1) : 2);
      copyDelay = Math.max(copyDelay, rule.maxCopyDelay);
    }
    if (this.#happens(loss)) return delays;
    if (this.#happens(duplicate)) copies = Math.max(2, copies);
    for (let i = 0; i < copies; i++) {
      let extra = this.#happens(reorder) ? this.#rng.next() * reorderBy : 0;
      if (reorderDelay > 0) extra += this.#rng.next() * reorderDelay;
      // Most copies follow soon, a few very late.
      if (i > 0 && copyDelay > 0) extra += copyDelay * this.#rng.next() ** 4;
      delays.push(this.#delay() + delay + extra);
    }
    if (copies > 1 && copyDelay > 0)
      this.#lastCopyAt = Math.max(this.#lastCopyAt, this.#clock() + Math.max(...delays));
    return delays;
  }

  /** Does nothing at all get through on a stream just now? `opening`: not even its first segment. */
  isBlocked(from: string, to: string, opening = false): boolean {
    for (const rule of this.#rules)
      if (rule.loss >= 1 && (opening || !rule.connectOnly) && this.#appliesTo(rule, from, to, 'tcp'))
        return true;
    return false;
  }

  /** Delay of one segment of a stream, retransmissions included. */
  segmentDelay(from: string, to: string): Millis {
    let delay = this.#delay();
    let arrives = 1 - this.linkQuality.loss;
    for (const rule of this.#rules) {
      if (rule.connectOnly || !this.#appliesTo(rule, from, to, 'tcp')) continue;
      delay += rule.delay;
      if (rule.loss < 1) arrives *= 1 - rule.loss;
    }
    let wait = RETRANSMIT_AFTER;
    for (let i = 0; i < MAX_RETRANSMITS && this.#happens(1 - arrives); i++) {
      delay += wait;
      wait *= 2;
    }
    return delay;
  }

  #appliesTo(rule: ActiveRule, from: string, to: string, transport: Transport): boolean {
    return (
      (rule.transport === undefined || rule.transport === transport) &&
      (rule.from === undefined || rule.from.has(from)) &&
      (rule.to === undefined || rule.to.has(to)) &&
      (rule.links === undefined || rule.links.get(from)?.has(to) === true) &&
      (rule.bursts === undefined || rule.bursts.isBad(from, to, this.#clock()))
    );
  }

  #delay(): Millis {
    return this.linkQuality.latency + this.linkQuality.jitter * this.#rng.next();
  }

  /** Draws only when there is something to decide. */
  #happens(chance: number): boolean {
    return chance > 0 && (chance >= 1 || this.#rng.next() < chance);
  }
}

const defaultsToNoLoss = ({ delay, duplicate, maxReorderDelay }: NetworkRule): boolean =>
  delay !== undefined || duplicate !== undefined || maxReorderDelay !== undefined;

/** Rules that look at datagrams are of no concern to streams; those about openings only to them. */
function transportOf(rule: NetworkRule): Transport | undefined {
  if (rule.kinds !== undefined || rule.overBytes !== undefined) return 'udp';
  return rule.connectOnly === true ? 'tcp' : rule.transport;
}

function groupBySource(links: readonly (readonly [string, string])[]): Map<string, Set<string>> {
  const map = new Map<string, Set<string>>();
  for (const [from, to] of links) {
    const ends = map.get(from);
    if (ends === undefined) map.set(from, new Set([to]));
    else ends.add(to);
  }
  return map;
}
